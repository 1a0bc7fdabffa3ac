//! Containers of a real Docker Engine as targets, with every family of faults.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_user::protocol::{Ended, State};
use nix::sys::signal::Signal;
use temblor_tests::order::{Order, SocketCall};
use temblor_tests::{
    Actor, Alone, Armed, Cli, Client, Docker, Engine, HostSnapshot, alone, params, signal,
    wait_until,
};

use super::stage::{DEADLINE, await_end};

const PROBES: u32 = 20;
const REFUSED: i32 = 111;

const ERROR: [(&str, &str); 2] = [("operation", "connect"), ("errno", "ECONNREFUSED")];
const DELAY: [(&str, &str); 1] = [("latency", "30ms")];
const PULSES: [(&str, &str); 3] = [("active", "300ms"), ("dormant", "100ms"), ("count", "2")];

/// A Docker Engine with two containers of its bridge, an engine beside it, and a server on the host.
#[derive(Debug)]
struct Scene {
    engine: Engine,
    server: Actor,
    echo: SocketAddr,
    web: Actor,
    db: Actor,
    docker: Docker,
    before: HostSnapshot,
    _alone: Alone,
}

impl Scene {
    fn set() -> Result<Self> {
        ensure!(
            Docker::is_possible(),
            "dockerd, docker or busybox is missing: `cargo xtask setup` installs them"
        );
        let alone = alone()?;
        let before = HostSnapshot::take(&[HostSnapshot::HERE])?;
        let docker = Docker::start()?;
        docker.run("web", &[])?;
        docker.run("db", &[])?;
        let mut server = Actor::start_in(docker.netns())?;
        let echo = server.echo(SocketAddr::new(Docker::GATEWAY.parse()?, 0))?;
        let engine = Engine::start_beside(&docker)?;
        Ok(Self {
            web: docker.actor("web")?,
            db: docker.actor("db")?,
            engine,
            server,
            echo,
            docker,
            before,
            _alone: alone,
        })
    }

    fn close(self) -> Result<()> {
        let Self {
            engine,
            server,
            web,
            db,
            docker,
            before,
            ..
        } = self;
        engine.end()?;
        drop((server, web, db));
        drop(docker);
        before.await_same()
    }
}

fn arm(client: &mut Client, kind: Kind, target: &str, more: &[(&str, &str)]) -> Result<Armed> {
    let basic = [("target", target), ("duration", "60s")];
    let armed = client.arm(kind, &params(basic.into_iter().chain(more.to_vec())));
    armed.with_context(|| format!("{kind} {target}"))
}

/// The parameters with which [`suffers`] can tell.
fn more(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::SockError => &ERROR,
        Kind::NetDelay => &DELAY,
        _ => &[],
    }
}

/// Whether somebody feels a fault of this kind, all of it.
fn suffers(actor: &mut Actor, kind: Kind, to: SocketAddr) -> Result<bool> {
    let (felt, of) = match kind {
        Kind::SockError => {
            let errnos = actor.calls(SocketCall::Connect, to, 3)?;
            (errnos.iter().filter(|errno| **errno == REFUSED).count(), 3)
        }
        Kind::NetDelay => {
            let times = actor.udp_times(to, 5)?;
            let late = times.iter().flatten().filter(|time| **time >= 30_000);
            (late.count(), 5)
        }
        _ => {
            let answered = actor.datagrams(to, PROBES)?.0.len();
            (PROBES as usize - answered, PROBES as usize)
        }
    };
    ensure!(felt == 0 || felt == of, "{kind}: {felt} of {of} suffered");
    Ok(felt == of)
}

const FELT: [Kind; 3] = [Kind::NetLoss, Kind::NetDelay, Kind::SockError];

#[test]
fn every_fault_fits_a_container_by_name_and_by_id() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.engine.client()?;
    let id = scene
        .docker
        .docker(&["ps", "--quiet", "--filter", "name=web"])?;
    for target in [
        "container:web",
        &format!("container:{}", id.trim_end()),
        "container:~^we",
    ] {
        for kind in FELT {
            let armed = arm(&mut client, kind, target, more(kind))?;
            assert!(
                suffers(&mut scene.web, kind, scene.echo)?,
                "{kind} {target}"
            );
            assert!(
                !suffers(&mut scene.db, kind, scene.echo)?,
                "{kind} {target}"
            );
            let report = client.stop_one(&armed)?;
            assert!(report.counters.injected > 0, "{report:?}");
            assert!(
                !suffers(&mut scene.web, kind, scene.echo)?,
                "{kind} {target}"
            );
        }
        scene.web.order(&Order::Tick)?;
        scene.db.order(&Order::Tick)?;
        let armed = arm(&mut client, Kind::ProcessFreeze, target, &PULSES)?;
        let report = await_end(&mut client, &armed.fault)?;
        assert_eq!(report.pulses, Some(2), "{report:?}");
        assert_eq!(scene.web.pauses(250)?.len(), 2, "{target}");
        assert_eq!(scene.db.pauses(250)?, [0; 0], "{target}");
    }
    scene.close()
}

#[test]
fn a_container_in_a_shared_namespace_suffers_alone() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.docker.run("side", &["--network", "container:web"])?;
    scene.docker.run("hosted", &["--network", "host"])?;
    let mut side = scene.docker.actor("side")?;
    let mut hosted = scene.docker.actor("hosted")?;
    let mut client = scene.engine.client()?;
    for kind in FELT {
        let armed = arm(&mut client, kind, "container:web", more(kind))?;
        assert!(suffers(&mut scene.web, kind, scene.echo)?, "{kind}");
        assert!(!suffers(&mut side, kind, scene.echo)?, "{kind}");
        assert!(!suffers(&mut hosted, kind, scene.echo)?, "{kind}");
        client.stop_one(&armed)?;

        let armed = arm(&mut client, kind, "container:hosted", more(kind))?;
        assert!(suffers(&mut hosted, kind, scene.echo)?, "{kind}");
        assert!(!suffers(&mut scene.web, kind, scene.echo)?, "{kind}");
        assert!(!suffers(&mut scene.server, kind, scene.echo)?, "{kind}");
        client.stop_one(&armed)?;
        assert!(!suffers(&mut hosted, kind, scene.echo)?, "{kind}");
    }
    drop((side, hosted));
    scene.close()
}

fn await_suffering(actor: &mut Actor, kind: Kind, to: SocketAddr) -> Result<()> {
    wait_until("the new one suffers", DEADLINE, || {
        suffers(actor, kind, to).is_ok_and(|yes| yes)
    })?;
    Ok(())
}

#[test]
fn a_restarted_container_suffers_on() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.docker.run("hosted", &["--network", "host"])?;
    for (kind, name) in FELT
        .into_iter()
        .map(|kind| (kind, "web"))
        .chain(FELT.map(|kind| (kind, "hosted")))
    {
        let mut client = scene.engine.client()?;
        let armed = arm(&mut client, kind, &format!("container:{name}"), more(kind))?;
        let mut actor = scene.docker.actor(name)?;
        assert!(suffers(&mut actor, kind, scene.echo)?, "{kind} {name}");
        let before = client.snapshot(&armed.fault)?.counters.injected;
        drop(actor);
        scene.docker.restart(name)?;
        let mut actor = scene.docker.actor(name)?;
        await_suffering(&mut actor, kind, scene.echo)?;
        assert!(!suffers(&mut scene.db, kind, scene.echo)?, "{kind} {name}");
        let report = client.stop_one(&armed)?;
        assert!(report.counters.injected > before, "{report:?}");
        assert!(!suffers(&mut actor, kind, scene.echo)?, "{kind} {name}");
    }
    // The victim that was in it has ended with it.
    scene.web = scene.docker.actor("web")?;
    scene.close()
}

#[test]
fn a_frozen_container_that_is_restarted_stands_still_again() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.engine.client()?;
    let pulses = [("active", "300ms"), ("dormant", "200ms")];
    let armed = arm(&mut client, Kind::ProcessFreeze, "container:web", &pulses)?;
    scene.docker.restart("web")?;
    let done = client.snapshot(&armed.fault)?.counters.injected;
    scene.web = scene.docker.actor("web")?;
    scene.web.order(&Order::Tick)?;
    wait_until("it stands still again", DEADLINE, || {
        let report = client.snapshot(&armed.fault);
        report.is_ok_and(|report| report.counters.injected >= done + 3)
    })?;
    let report = client.stop_one(&armed)?;
    assert!(scene.web.pauses(250)?.len() >= 2, "{report:?}");
    scene.close()
}

#[test]
fn a_new_container_of_the_same_name_suffers_on() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.engine.client()?;
    let kind = Kind::NetLoss;
    let armed = arm(&mut client, kind, "container:~^web$", &[])?;
    scene.docker.remove("web")?;
    scene.docker.run("web", &[])?;
    scene.docker.run("web-2", &[])?;
    scene.web = scene.docker.actor("web")?;
    await_suffering(&mut scene.web, kind, scene.echo)?;
    let mut second = scene.docker.actor("web-2")?;
    assert!(!suffers(&mut second, kind, scene.echo)?);
    client.stop_one(&armed)?;
    assert!(!suffers(&mut scene.web, kind, scene.echo)?);
    drop(second);
    scene.close()
}

#[test]
fn one_of_two_that_was_away_for_long_suffers_when_it_is_back() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.engine.client()?;
    let kind = Kind::SockError;
    let all = [ERROR[0], ERROR[1], ("mode", "all")];
    arm(&mut client, kind, "container:~.", &all)?;
    assert!(suffers(&mut scene.web, kind, scene.echo)?);
    scene.docker.remove("web")?;
    let away = std::time::Instant::now();
    wait_until("it is away for longer than a restart", DEADLINE, || {
        away.elapsed() > std::time::Duration::from_secs(4)
    })?;
    assert!(suffers(&mut scene.db, kind, scene.echo)?);
    scene.docker.run("web", &[])?;
    scene.web = scene.docker.actor("web")?;
    await_suffering(&mut scene.web, kind, scene.echo)?;
    drop(client);
    await_ease(&mut scene.web, kind, scene.echo)?;
    await_ease(&mut scene.db, kind, scene.echo)?;
    scene.close()
}

fn await_ease(actor: &mut Actor, kind: Kind, to: SocketAddr) -> Result<()> {
    wait_until("nobody suffers any more", DEADLINE, || {
        suffers(actor, kind, to).is_ok_and(|yes| !yes)
    })?;
    Ok(())
}

#[test]
fn a_container_that_is_removed_ends_its_faults() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.engine.client()?;
    let freeze = [("active", "100ms"), ("dormant", "100ms")];
    let faults = FELT.map(|kind| (kind, more(kind)));
    let faults = faults
        .into_iter()
        .chain([(Kind::ProcessFreeze, &freeze[..])]);
    let armed: Vec<Armed> = faults
        .map(|(kind, more)| arm(&mut client, kind, "container:web", more))
        .collect::<Result<_>>()?;
    scene.docker.remove("web")?;
    for armed in armed {
        let report = await_end(&mut client, &armed.fault)?;
        let how = Ended::TargetGone;
        assert_eq!(report.state, State::Ended { how }, "{report:?}");
    }
    scene.docker.run("web", &[])?;
    scene.web = scene.docker.actor("web")?;
    for kind in FELT {
        assert!(!suffers(&mut scene.web, kind, scene.echo)?, "{kind}");
    }
    scene.close()
}

#[test]
fn one_of_several_containers_is_chosen_and_all_can_be() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.engine.client()?;
    let given = |more: &[(&'static str, &'static str)]| {
        let basic = [("target", "container:~."), ("duration", "60s")];
        params(basic.into_iter().chain(ERROR).chain(more.to_vec()))
    };
    let failure = client.refusal(Kind::SockError, &given(&[]))?;
    let message = &failure.problems[0].message;
    assert!(
        message.ends_with("means 2 things: container db, container web"),
        "{message}"
    );
    for (more, expected) in [
        (&[("mode", "all")][..], 2),
        (&[("all", "true")], 2),
        (&[("mode", "one")], 1),
        (&[("mode", "fixed-percent"), ("mode_value", "50%")], 1),
        (&[("mode", "one"), ("weigh", "memory")], 1),
    ] {
        let armed = client.arm(Kind::SockError, &given(more))?;
        let web = suffers(&mut scene.web, Kind::SockError, scene.echo)?;
        let db = suffers(&mut scene.db, Kind::SockError, scene.echo)?;
        assert_eq!(usize::from(web) + usize::from(db), expected, "{more:?}");
        let things = armed.plan.chosen.context("somebody was chosen")?.things;
        let chosen = |name: &str| things.iter().any(|thing| thing.name == name);
        assert_eq!((web, db), (chosen("container web"), chosen("container db")));
        client.stop(injector_user::protocol::Which::All)?;
    }
    let frozen = [("mode", "all"), ("active", "300ms"), ("count", "1")];
    let armed = arm(&mut client, Kind::ProcessFreeze, "container:~.", &frozen)?;
    assert_eq!(armed.plan.hooks.len(), 2);
    let report = await_end(&mut client, &armed.fault)?;
    assert_eq!(report.counters.injected, 2, "{report:?}");
    scene.close()
}

#[test]
fn nothing_of_a_fault_outlives_its_engine_its_lease_or_its_deadline() -> Result<()> {
    let mut scene = Scene::set()?;
    for kind in FELT {
        let mut client = scene.engine.client()?;
        let basic = [("target", "container:web"), ("duration", "1s")];
        let short = params(basic.into_iter().chain(more(kind).to_vec()));
        let armed = client.arm(kind, &short)?;
        let report = await_end(&mut client, &armed.fault)?;
        let how = Ended::Deadline;
        assert_eq!(report.state, State::Ended { how });
        assert!(!suffers(&mut scene.web, kind, scene.echo)?, "{kind}");

        arm(&mut client, kind, "container:web", more(kind))?;
        signal(scene.engine.pid(), Signal::SIGSTOP)?;
        let (web, echo) = (&mut scene.web, scene.echo);
        wait_until("a stopped engine's fault ends", DEADLINE, || {
            suffers(web, kind, echo).is_ok_and(|yes| !yes)
        })?;
        // Its keeper has ended it.
        scene.engine.await_end()?;
        scene.engine = Engine::start_beside(&scene.docker)?;

        let mut client = scene.engine.client()?;
        arm(&mut client, kind, "container:web", more(kind))?;
        signal(scene.engine.pid(), Signal::SIGKILL)?;
        scene.engine.await_end()?;
        assert!(!suffers(&mut scene.web, kind, scene.echo)?, "{kind}");
        scene.engine = Engine::start_beside(&scene.docker)?;
    }
    scene.close()
}

#[test]
fn names_are_listed_and_their_absence_is_explained() -> Result<()> {
    let scene = Scene::set()?;
    let listed = Cli::of(&scene.engine, scene.docker.netns())
        .asking(&scene.docker)
        .run(&["targets"])?;
    assert!(listed.out.contains("container:web"), "{listed:?}");
    let blind = Engine::start_in(scene.docker.netns())?;
    let mut client = blind.client()?;
    let given = |target| {
        params(
            [("target", target), ("duration", "1s")]
                .into_iter()
                .chain(ERROR),
        )
    };
    let failure = client.refusal(Kind::SockError, &given("container:web"))?;
    let hint = failure.problems[0].hint.as_deref().unwrap_or_default();
    assert!(hint.contains("nobody listens at"), "{failure:?}");
    let id = scene
        .docker
        .docker(&["ps", "--quiet", "--filter", "name=web"])?;
    let by_id = format!("container:{}", id.trim_end());
    let armed = client.arm(Kind::SockError, &given(&by_id))?;
    client.stop_one(&armed)?;
    drop(client);
    blind.end()?;
    scene.close()
}
