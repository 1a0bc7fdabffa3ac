//! Packets of one among several in a network namespace: whose they are is told by their socket.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result, bail, ensure};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use nix::sys::signal::Signal;
use temblor_tests::order::{Doer, Hold, Order, Outcome, SocketCall, Times};
use temblor_tests::{Actor, Armed, Cgroup, Client, Node, World, fed, params, signal, wait_until};

use super::stage::{DEADLINE, Stage, await_end};

/// Questions that are asked where every answer counts.
const ASKED: u32 = 5;

/// Silence after which an answer is lost.
const PATIENCE_MS: u64 = 400;

/// What a delay of the tests adds to a way.
const LATENCY: &str = "60ms";
const LATENCY_US: u64 = 60_000;

/// A target and a sibling that share the client's namespace.
struct Scene {
    stage: Stage,
    sibling: Actor,
    engine: Client,
}

impl Scene {
    fn set() -> Result<Self> {
        let stage = Stage::set()?;
        Ok(Self {
            sibling: Actor::start_in(&stage.world.client.netns)?,
            engine: stage.engine.client()?,
            stage,
        })
    }

    fn target(&self) -> String {
        format!("pid:{}", self.stage.client.pid())
    }

    fn lose(&mut self, target: &str, direction: &str) -> Result<Armed> {
        let given = [
            ("target", target),
            ("duration", "60s"),
            ("direction", direction),
        ];
        self.engine.arm(Kind::NetLoss, &params(given))
    }

    fn delay(&mut self, target: &str, direction: &str) -> Result<Armed> {
        let given = [
            ("target", target),
            ("duration", "60s"),
            ("direction", direction),
            ("latency", LATENCY),
        ];
        self.engine.arm(Kind::NetDelay, &params(given))
    }

    fn close(self) -> Result<()> {
        let Self {
            stage,
            sibling,
            engine,
        } = self;
        drop((sibling, engine));
        stage.close()
    }
}

/// All answers came, none later than half of what a delay would add.
fn check_untouched(times: &[Option<u64>], what: &str) {
    let soon = |time: &Option<u64>| time.is_some_and(|us| us < LATENCY_US / 2);
    assert!(times.iter().all(soon), "{what}: {times:?}");
}

/// All answers came, this many latencies late.
fn check_delayed(times: &[Option<u64>], ways: u64, what: &str) {
    let within = LATENCY_US * ways * 9 / 10..LATENCY_US * (ways + 1);
    let late = |time: &Option<u64>| time.is_some_and(|us| within.contains(&us));
    assert!(times.iter().all(late), "{what}: {times:?}");
}

/// No answer came.
fn check_lost(times: &[Option<u64>], what: &str) {
    assert!(times.iter().all(Option::is_none), "{what}: {times:?}");
}

fn udp(actor: &mut Actor, to: SocketAddr) -> Result<Vec<Option<u64>>> {
    actor.udp_times_within(to, ASKED, PATIENCE_MS)
}

/// For what is lost, which takes its time.
fn briefly(actor: &mut Actor, to: SocketAddr) -> Result<Vec<Option<u64>>> {
    actor.udp_times_within(to, 2, 100)
}

const DIRECTIONS: [(&str, u64); 3] = [("out", 1), ("in", 1), ("both", 2)];

/// Loss and delay of the target both ways, over new sockets and over connections made before.
fn check_all_ways(scene: &mut Scene, target: &str) -> Result<()> {
    for to in scene.stage.echoes {
        for (direction, ways) in DIRECTIONS {
            let what = format!("{target} {direction} to {to}");
            scene.stage.client.hold(to, true)?;
            scene.sibling.hold(to, true)?;
            let armed = scene.delay(target, direction)?;
            check_delayed(&udp(&mut scene.stage.client, to)?, ways, &what);
            check_delayed(&scene.stage.client.ask(3, 1_000)?, ways, &what);
            check_untouched(&udp(&mut scene.sibling, to)?, &what);
            check_untouched(&scene.sibling.ask(3, 1_000)?, &what);
            scene.engine.stop_one(&armed)?;
            let armed = scene.lose(target, direction)?;
            check_lost(&briefly(&mut scene.stage.client, to)?, &what);
            check_lost(&scene.stage.client.ask(1, 150)?, &what);
            check_untouched(&udp(&mut scene.sibling, to)?, &what);
            check_untouched(&scene.sibling.ask(3, 1_000)?, &what);
            scene.engine.stop_one(&armed)?;
            check_untouched(&udp(&mut scene.stage.client, to)?, &what);
        }
    }
    Ok(())
}

#[test]
fn a_process_beside_another_of_its_cgroup_suffers_alone() -> Result<()> {
    let mut scene = Scene::set()?;
    let target = scene.target();
    check_all_ways(&mut scene, &target)?;
    scene.close()
}

#[test]
fn a_process_beside_another_of_another_cgroup_suffers_alone() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "shared")?;
    let mut scene = Scene::set()?;
    cgroup.enter(scene.sibling.pid())?;
    let target = scene.target();
    check_all_ways(&mut scene, &target)?;
    scene.close()
}

#[test]
fn a_cgroup_beside_another_suffers_alone() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "shared")?;
    let mut scene = Scene::set()?;
    cgroup.enter(scene.stage.client.pid())?;
    check_all_ways(&mut scene, &cgroup.target())?;
    scene.close()
}

#[test]
fn a_process_of_the_hosts_own_namespace_needs_no_filter() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut on_host = Actor::start_in(&scene.stage.world.host.netns)?;
    let mut beside = Actor::start_in(&scene.stage.world.host.netns)?;
    let armed = scene.delay(&format!("pid:{}", on_host.pid()), "both")?;
    for to in scene.stage.echoes {
        check_delayed(&udp(&mut on_host, to)?, 2, "on the host");
        check_untouched(&udp(&mut beside, to)?, "beside it");
    }
    scene.engine.stop_one(&armed)?;
    drop((on_host, beside));
    scene.close()
}

#[test]
fn a_server_is_told_by_its_listener_and_what_it_accepts() -> Result<()> {
    let mut scene = Scene::set()?;
    let target = scene.target();
    for ip in scene.stage.world.client.addresses() {
        let theirs = scene.stage.client.echo(SocketAddr::new(ip, 0))?;
        let beside = scene.sibling.echo(SocketAddr::new(ip, 0))?;
        for (direction, ways) in DIRECTIONS {
            let what = format!("{direction} at {ip}");
            let armed = scene.delay(&target, direction)?;
            let outside = &mut scene.stage.other;
            check_delayed(&udp(outside, theirs)?, ways, &what);
            check_delayed(&outside.tcp_times(theirs, 3)?, ways, &what);
            check_untouched(&udp(outside, beside)?, &what);
            check_untouched(&outside.tcp_times(beside, 3)?, &what);
            scene.engine.stop_one(&armed)?;
            let armed = scene.lose(&target, direction)?;
            let outside = &mut scene.stage.other;
            check_lost(&briefly(outside, theirs)?, &what);
            let connect = outside.calls(SocketCall::Connect, beside, 2)?;
            assert_eq!(connect, [0, 0], "{what}");
            check_untouched(&udp(outside, beside)?, &what);
            scene.engine.stop_one(&armed)?;
        }
    }
    scene.close()
}

#[test]
fn the_loopback_interface_tells_both_ends_apart() -> Result<()> {
    let mut scene = Scene::set()?;
    let target = scene.target();
    let loopbacks: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    for ip in loopbacks {
        let to = scene.sibling.echo(SocketAddr::new(ip, 0))?;
        let mut third = Actor::start_in(&scene.stage.world.client.netns)?;
        for (direction, ways) in DIRECTIONS {
            let what = format!("{direction} to {to}");
            let armed = scene.delay(&target, direction)?;
            check_delayed(&udp(&mut scene.stage.client, to)?, ways, &what);
            check_delayed(&scene.stage.client.tcp_times(to, 3)?, ways, &what);
            check_untouched(&udp(&mut third, to)?, &what);
            check_untouched(&third.tcp_times(to, 3)?, &what);
            scene.engine.stop_one(&armed)?;
            let armed = scene.lose(&target, direction)?;
            check_lost(&briefly(&mut scene.stage.client, to)?, &what);
            check_untouched(&udp(&mut third, to)?, &what);
            scene.engine.stop_one(&armed)?;
        }
    }
    scene.close()
}

fn by(actor: &mut Actor, doer: Doer, to: SocketAddr) -> Result<Vec<Option<u64>>> {
    let order = Box::new(Order::UdpTimes(Times {
        to,
        count: 3,
        patience_ms: PATIENCE_MS,
    }));
    match actor.order(&Order::By { doer, order })? {
        Outcome::Times { microseconds } => Ok(microseconds),
        other => bail!("{other:?}"),
    }
}

#[test]
fn children_and_threads_suffer_with_their_process() -> Result<()> {
    let mut scene = Scene::set()?;
    let target = scene.target();
    let to = scene.stage.echoes[0];
    check_untouched(&by(&mut scene.stage.client, Doer::Child, to)?, "before");
    for direction in ["out", "in"] {
        let armed = scene.delay(&target, direction)?;
        for doer in [Doer::Thread, Doer::Child, Doer::NewChild] {
            let what = format!("{direction} {doer:?}");
            check_delayed(&by(&mut scene.stage.client, doer, to)?, 1, &what);
            check_untouched(&by(&mut scene.sibling, doer, to)?, &what);
        }
        scene.engine.stop_one(&armed)?;
    }
    scene.close()
}

#[test]
fn a_socket_that_a_child_has_inherited_is_the_targets() -> Result<()> {
    let mut scene = Scene::set()?;
    let target = scene.target();
    let to = scene.stage.echoes[1];
    for tcp in [false, true] {
        let inherited = true;
        let hold = Order::Hold(Hold { to, tcp, inherited });
        scene.stage.client.order(&hold)?;
        scene.stage.client.order(&Order::Bear)?;
        let armed = scene.delay(&target, "in")?;
        check_delayed(&scene.stage.client.ask(3, 1_000)?, 1, "inherited");
        let report = scene.engine.stop_one(&armed)?;
        let shared = |warning: &&String| warning.contains("shares with others");
        assert_eq!(report.warnings.iter().find(shared), None);
    }
    scene.close()
}

/// Asks over the kept socket until it is as it should be.
fn await_asked(actor: &mut Actor, delayed: bool) -> Result<()> {
    let mut last = None;
    let what = format!(
        "a socket that is {}delayed",
        if delayed { "" } else { "not " }
    );
    wait_until(&what, DEADLINE, || {
        last = actor.ask(2, 1_000).ok();
        let late = |time: &Option<u64>| time.is_some_and(|us| us > LATENCY_US / 2);
        let times = last.iter().flatten();
        times.clone().count() == 2 && times.clone().all(|time| late(time) == delayed)
    })
    .with_context(|| format!("{last:?}"))?;
    Ok(())
}

#[test]
fn a_socket_that_changes_hands_is_its_new_owners() -> Result<()> {
    let mut scene = Scene::set()?;
    let target = scene.target();
    let folder = tempfile::tempdir()?;
    for (number, to) in scene.stage.echoes.into_iter().enumerate() {
        for (tcp, direction) in [(false, "in"), (true, "out")] {
            let path = |name| folder.path().join(format!("{name}{number}{tcp}"));
            scene.stage.client.hold(to, tcp)?;
            let armed = scene.delay(&target, direction)?;
            check_delayed(&scene.stage.client.ask(2, 1_000)?, 1, "its own");
            pass(
                &mut scene.stage.client,
                &mut scene.sibling,
                path("away"),
                false,
            )?;
            await_asked(&mut scene.sibling, false)?;
            pass(
                &mut scene.sibling,
                &mut scene.stage.client,
                path("back"),
                false,
            )?;
            await_asked(&mut scene.stage.client, true)?;
            // Both have it: then it is nobody's.
            pass(
                &mut scene.stage.client,
                &mut scene.sibling,
                path("both"),
                true,
            )?;
            await_asked(&mut scene.sibling, false)?;
            let report = scene.engine.stop_one(&armed)?;
            let other = format!("a socket with process {}", scene.sibling.pid());
            let said = report.warnings.iter().any(|said| said.contains(&other));
            ensure!(said, "{:?}", report.warnings);
        }
    }
    scene.close()
}

fn pass(from: &mut Actor, to: &mut Actor, path: std::path::PathBuf, keep: bool) -> Result<()> {
    to.begin(&Order::Take { path: path.clone() })?;
    from.order(&Order::Give { path, keep })?;
    to.finish().map(drop)
}

#[test]
fn a_new_fault_in_an_old_ones_place_does_not_hit_the_old_ones_sockets() -> Result<()> {
    let mut scene = Scene::set()?;
    let to = scene.stage.echoes[0];
    let first = scene.target();
    let second = format!("pid:{}", scene.sibling.pid());
    scene.stage.client.hold(to, false)?;
    let armed = scene.lose(&first, "both")?;
    check_lost(&scene.stage.client.ask(1, 100)?, "the first fault");
    scene.engine.stop_one(&armed)?;
    // There are 64 places, used in turn.
    for round in 0..70 {
        let armed = scene.lose(&second, "both")?;
        let what = format!("round {round}");
        check_untouched(&scene.stage.client.ask(1, PATIENCE_MS)?, &what);
        if round % 8 == 0 {
            check_lost(&scene.sibling.udp_times_within(to, 1, 100)?, &what);
        }
        scene.engine.stop_one(&armed)?;
    }
    scene.close()
}

#[test]
fn two_processes_of_one_namespace_have_faults_of_their_own() -> Result<()> {
    let mut scene = Scene::set()?;
    let to = scene.stage.echoes[0];
    let target = scene.target();
    let one = scene.delay(&target, "both")?;
    let other = format!("pid:{}", scene.sibling.pid());
    let two = scene.delay(&other, "in")?;
    check_delayed(&udp(&mut scene.stage.client, to)?, 2, "the one");
    check_delayed(&udp(&mut scene.sibling, to)?, 1, "the other");
    scene.engine.stop_one(&one)?;
    check_untouched(&udp(&mut scene.stage.client, to)?, "the one has ended");
    check_delayed(&udp(&mut scene.sibling, to)?, 1, "the other goes on");
    scene.engine.stop_one(&two)?;
    scene.close()
}

#[test]
fn a_packet_that_was_taken_aside_is_still_the_targets() -> Result<()> {
    let mut scene = Scene::set()?;
    let target = scene.target();
    let given = [
        ("target", &*target),
        ("duration", "60s"),
        ("direction", "both"),
        ("rate", "1gbit"),
    ];
    let paced = scene.engine.arm(Kind::NetRate, &params(given))?;
    let delayed = scene.delay(&target, "both")?;
    for to in scene.stage.echoes {
        check_delayed(&udp(&mut scene.stage.client, to)?, 2, "paced and delayed");
        check_delayed(&scene.stage.client.tcp_times(to, 3)?, 2, "over TCP");
        check_untouched(&udp(&mut scene.sibling, to)?, "the sibling");
    }
    let paced = scene.engine.stop_one(&paced)?;
    assert!(paced.counters.injected > 0, "{paced:?}");
    scene.engine.stop_one(&delayed)?;
    scene.close()
}

/// Lets the client's namespace send on what `other` sends to an address of the server's, and takes that
/// back with this value.
struct Router<'a> {
    world: &'a World,
}

/// An address of the server's beyond the client, in each family.
const BEYOND: [&str; 2] = ["10.99.0.1", "fd99::1"];
/// Settings of the client and of the other while it is so; a redirect would show a shorter way.
const FORWARDING: [(&str, &str, &str); 2] = [
    ("ipv4/ip_forward", "1", "0"),
    ("ipv6/conf/all/forwarding", "1", "0"),
];
const REDIRECTS: [(&str, &str, &str); 3] = [
    ("ipv4/conf/all/accept_redirects", "0", "1"),
    ("ipv4/conf/eth0/accept_redirects", "0", "1"),
    ("ipv6/conf/eth0/accept_redirects", "0", "1"),
];

impl<'a> Router<'a> {
    fn set(world: &'a World) -> Result<Self> {
        let router = Self { world };
        router.switch(true)?;
        Ok(router)
    }

    fn switch(&self, on: bool) -> Result<()> {
        let verb = if on { "add" } else { "del" };
        let World {
            server,
            client,
            other,
            ..
        } = self.world;
        let write = |(file, during, after): &(&str, &str, &str)| {
            let file = format!("/proc/sys/net/{file}");
            fs::write(file, if on { during } else { after })
        };
        client
            .netns
            .inside(|| FORWARDING.iter().try_for_each(write))??;
        other
            .netns
            .inside(|| REDIRECTS.iter().try_for_each(write))??;
        let [v4, v6] = BEYOND;
        let batch =
            |node: &Node, text: &str| fed("ip", &["-n", node.netns.name(), "-batch", "-"], text);
        let addresses = format!("addr {verb} {v4}/32 dev lo\naddr {verb} {v6}/128 dev lo\n");
        batch(server, &addresses)?;
        for (node, via) in [(client, server), (other, client)] {
            let routes = format!(
                "route {verb} {v4}/32 via {}\nroute {verb} {v6}/128 via {}\n",
                via.v4, via.v6
            );
            batch(node, &routes)?;
        }
        Ok(())
    }
}

impl Drop for Router<'_> {
    fn drop(&mut self) {
        // The snapshot says what has not been taken back.
        drop(self.switch(false));
    }
}

#[test]
fn what_is_sent_on_to_others_is_nobodys() -> Result<()> {
    let mut scene = Scene::set()?;
    let target = scene.target();
    let world = &scene.stage.world;
    let router = Router::set(world)?;
    let [v4, v6] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    for (beyond, any, own) in [
        (BEYOND[0], v4, IpAddr::from(world.client.v4)),
        (BEYOND[1], v6, world.client.v6.into()),
    ] {
        let far = scene
            .stage
            .server
            .echo(SocketAddr::new(beyond.parse()?, 0))?;
        // It listens at every address, at the very port.
        let near = scene.stage.client.echo(SocketAddr::new(any, far.port()))?;
        let near = SocketAddr::new(own, near.port());
        // There are no link-local addresses to ask for neighbours with: let them know each other.
        check_untouched(&udp(&mut scene.stage.client, far)?, "the next hop");
        for to in scene.stage.echoes {
            check_untouched(&udp(&mut scene.stage.other, to)?, "the way back");
        }
        check_untouched(&udp(&mut scene.stage.other, far)?, "it is sent on");
        for direction in ["in", "both"] {
            let what = format!("{direction} to {far}");
            let given = [
                ("target", &*target),
                ("duration", "60s"),
                ("direction", direction),
            ];
            let armed = scene.engine.arm(Kind::NetLoss, &params(given))?;
            let outside = &mut scene.stage.other;
            check_untouched(&udp(outside, far)?, &what);
            check_untouched(&outside.tcp_times(far, 3)?, &what);
            check_lost(&briefly(outside, near)?, &what);
            scene.engine.stop_one(&armed)?;
            check_untouched(&udp(&mut scene.stage.other, near)?, &what);
        }
    }
    drop(router);
    scene.close()
}

#[test]
fn a_fault_that_begins_later_outlives_another_at_its_place() -> Result<()> {
    let mut scene = Scene::set()?;
    let to = scene.stage.echoes[0];
    let (target, other) = (scene.target(), format!("pid:{}", scene.sibling.pid()));
    scene.stage.client.hold(to, false)?;
    let given = [("target", &*target), ("duration", "60s"), ("delay", "2s")];
    let later = scene.engine.arm(Kind::NetLoss, &params(given))?;
    let now = scene.lose(&other, "out")?;
    scene.engine.stop_one(&now)?;
    check_untouched(&scene.stage.client.ask(1, PATIENCE_MS)?, "not yet");
    let client = &mut scene.stage.client;
    wait_until("it has begun", DEADLINE, || {
        client.ask(1, 100).is_ok_and(|times| times == [None])
    })?;
    check_lost(&briefly(client, to)?, "a new socket");
    scene.engine.stop_one(&later)?;
    scene.close()
}

/// How a fault of a process in a shared namespace is brought to its end.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Told,
    Deadline,
    Killed,
    Stopped,
}

fn check_gone(kind: Kind, ending: Ending) -> Result<()> {
    let mut scene = Scene::set()?;
    let (target, to) = (scene.target(), scene.stage.echoes[1]);
    scene.stage.client.hold(to, false)?;
    let duration = match ending {
        Ending::Deadline => "2s",
        _ => "5m",
    };
    let mut given = vec![
        ("target", &*target),
        ("duration", duration),
        ("direction", "both"),
    ];
    given.extend((kind == Kind::NetDelay).then_some(("latency", "150ms")));
    let armed = scene.engine.arm(kind, &params(given))?;
    let late = |times: &[Option<u64>]| times.iter().all(|time| time.is_none_or(|us| us > 100_000));
    let felt = scene.stage.client.ask(1, PATIENCE_MS)?;
    assert!(late(&felt), "{felt:?}");
    check_untouched(&udp(&mut scene.sibling, to)?, "the sibling");
    let engine = scene.stage.engine.pid();
    match ending {
        Ending::Told => drop(scene.engine.stop_one(&armed)?),
        Ending::Deadline => drop(await_end(&mut scene.engine, &armed.fault)?),
        Ending::Killed => signal(engine, Signal::SIGKILL)?,
        Ending::Stopped => signal(engine, Signal::SIGSTOP)?,
    }
    wait_until("it is felt no more", DEADLINE, || {
        let felt = scene.stage.client.ask(1, PATIENCE_MS);
        felt.is_ok_and(|felt| !late(&felt))
    })?;
    check_untouched(&udp(&mut scene.sibling, to)?, "the sibling");
    if matches!(ending, Ending::Killed | Ending::Stopped) {
        scene.stage.engine.await_end()?;
    }
    scene.close()
}

#[test]
fn a_loss_of_a_process_is_gone_however_it_ends() -> Result<()> {
    for ending in [
        Ending::Told,
        Ending::Deadline,
        Ending::Killed,
        Ending::Stopped,
    ] {
        check_gone(Kind::NetLoss, ending).with_context(|| format!("{ending:?}"))?;
    }
    Ok(())
}

#[test]
fn a_delay_of_a_process_is_gone_however_it_ends() -> Result<()> {
    for ending in [
        Ending::Told,
        Ending::Deadline,
        Ending::Killed,
        Ending::Stopped,
    ] {
        check_gone(Kind::NetDelay, ending).with_context(|| format!("{ending:?}"))?;
    }
    Ok(())
}
