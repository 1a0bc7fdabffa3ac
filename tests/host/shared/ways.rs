//! Whichever way packets go, and whoever of the target's sends or gets them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Result, bail};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use temblor_tests::order::{Doer, Order, Outcome, SocketCall, Times};
use temblor_tests::{Actor, Cgroup, params};

use super::scene::{
    DIRECTIONS, PATIENCE_MS, Scene, briefly, check_delayed, check_lost, check_untouched, udp,
};

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
