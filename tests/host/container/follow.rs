//! Containers that are restarted, replaced or removed while a fault acts.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::{Ended, State};
use temblor_tests::order::Order;
use temblor_tests::{Armed, Client, wait_until};

use super::scene::{Scene, arm, await_ease, await_suffering};
use crate::feel::{ERROR, FELT, more, suffers};
use crate::stage::{DEADLINE, await_end};

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
        let suffers_again = await_suffering(&mut actor, kind, scene.echo);
        suffers_again.with_context(|| format!("{name}: {:?}", client.snapshot(&armed.fault)))?;
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
    scene.web = scene.docker.actor("web")?;
    scene.web.order(&Order::Tick)?;
    // Only now: no clock ticked yet while it stood still before.
    let done = client.snapshot(&armed.fault)?.counters.injected;
    let again = wait_until("it stands still again", DEADLINE, || {
        let report = client.snapshot(&armed.fault);
        report.is_ok_and(|report| report.counters.injected >= done + 3)
    });
    again.with_context(|| format!("{:?}", client.snapshot(&armed.fault)))?;
    let report = client.stop_one(&armed)?;
    assert!(scene.web.pauses(250)?.len() >= 2, "{report:?}");
    scene.close()
}

/// What it is killed by does not take its being away for its end.
#[test]
fn a_container_that_is_killed_and_comes_back_is_killed_again() -> Result<()> {
    let scene = Scene::set()?;
    let mut client = scene.engine.client()?;
    let always = ["--restart", "always"];
    let told = [("signal", "KILL"), ("interval", "200ms")];
    scene.docker.run("phoenix", &always)?;
    let target = "container:~^phoenix$";
    let armed = arm(&mut client, Kind::ProcessSignal, target, &told)?;
    let killed = |client: &mut Client, times: usize| {
        let report = client.snapshot(&armed.fault);
        report.is_ok_and(|report| report.suffered.len() >= times)
    };
    let again = wait_until("it is killed again", DEADLINE, || killed(&mut client, 3));
    again.with_context(|| format!("{:?}", client.snapshot(&armed.fault)))?;
    scene.docker.remove("phoenix")?;
    let times = client.snapshot(&armed.fault)?.suffered.len();
    scene.docker.run("phoenix", &always)?;
    let again = wait_until("the new one is killed", DEADLINE, || {
        killed(&mut client, times + 1)
    });
    again.with_context(|| format!("{:?}", client.snapshot(&armed.fault)))?;
    scene.docker.remove("phoenix")?;
    let report = await_end(&mut client, &armed.fault)?;
    let how = Ended::TargetGone;
    assert_eq!(report.state, State::Ended { how }, "{report:?}");
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
