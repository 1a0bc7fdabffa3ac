//! Sockets that several have, that change hands, and that outlive a fault.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use temblor_tests::order::{Hold, Order};
use temblor_tests::{Actor, wait_until};

use super::scene::{LATENCY_US, PATIENCE_MS, Scene, check_delayed, check_lost, check_untouched};
use crate::stage::DEADLINE;

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

fn pass(from: &mut Actor, to: &mut Actor, path: PathBuf, keep: bool) -> Result<()> {
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
