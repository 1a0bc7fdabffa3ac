//! However and whenever it begins and ends.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use nix::sys::signal::Signal;
use temblor_tests::{params, signal, wait_until};

use super::scene::{PATIENCE_MS, Scene, briefly, check_lost, check_untouched, udp};
use crate::stage::{DEADLINE, await_end};

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
