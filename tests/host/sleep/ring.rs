//! Calls by `io_uring`: neither who asks nor the kernel's own thread is put to sleep at them.

use std::time::{Duration, Instant};

use anyhow::Result;
use injector_core::plan::Mechanism;
use temblor_tests::{Maker, Twice, wait_until};

use super::scene::{LONG, Scene, for_each_way};
use crate::stage::DEADLINE;

/// Far less than callers are to sleep.
const PROMPTLY: Duration = DEADLINE;

/// Whether programs there see a call by whoever it is made: they tell that it is none of theirs.
fn is_seen(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::SleepInLsm | Mechanism::SleepAtHook)
}

fn check(scene: &mut Scene, maker: Maker) -> Result<()> {
    let way = scene.way;
    let mut twice = Twice::start(way.call, maker)?;
    let target = format!("pid:{}", twice.pid());
    let armed = way.arm(&mut scene.client, &target, &LONG)?;
    let begun = Instant::now();
    twice.begin()?;
    let made = twice.tell()?;
    assert!(begun.elapsed() < PROMPTLY, "{:?}", begun.elapsed());
    assert!(made >= 0, "by io_uring it gave {made}");
    if maker == Maker::Worker {
        wait_until("it has a worker", DEADLINE, || {
            twice.has_worker().is_ok_and(|has| has)
        })?;
    }
    let report = scene.client.snapshot(&armed.fault)?;
    let counters = report.counters;
    assert_eq!((counters.matched, counters.injected), (0, 0), "{report:?}");
    assert_eq!(
        counters.foreign > 0,
        is_seen(way.mechanism),
        "{maker:?}: {report:?}"
    );
    // The same by itself sleeps.
    twice.begin()?;
    scene.await_hits(&armed, 1)?;
    let report = scene.client.stop_one(&armed)?;
    assert!(twice.tell()? >= 0);
    assert_eq!(report.counters.injected, 1, "{report:?}");
    Ok(())
}

#[test]
fn what_io_uring_does_takes_no_longer_and_the_same_call_by_itself_does() -> Result<()> {
    for_each_way(|mut scene| {
        for maker in [Maker::Asker, Maker::Worker] {
            check(&mut scene, maker)?;
        }
        scene.close()
    })
}

/// A caller that waits in `read` while `io_uring` reads something else for it: that is done on the way back
/// from the call, which is then made once more.
fn check_on_the_way_back(scene: &mut Scene) -> Result<()> {
    let mut twice = Twice::start("read", Maker::Later)?;
    twice.begin()?;
    assert_eq!(twice.tell()?, 1, "so many are asked for");
    wait_until("it waits", DEADLINE, || twice.waits())?;
    let target = format!("pid:{}", twice.pid());
    let way = scene.way;
    let armed = way.arm_at("read", &mut scene.client, &target, &LONG)?;
    twice.feed()?;
    scene.await_hits(&armed, 1)?;
    let report = scene.client.stop_one(&armed)?;
    twice.begin()?;
    assert_eq!(twice.tell()?, 1, "so many bytes it has read: {report:?}");
    let counters = &report.counters;
    assert_eq!((counters.injected, counters.foreign), (1, 1), "{report:?}");
    Ok(())
}

#[test]
fn what_io_uring_does_on_the_way_back_from_a_call_is_not_that_call() -> Result<()> {
    for_each_way(|mut scene| {
        // Elsewhere no program sees it.
        if scene.way.mechanism == Mechanism::SleepAtHook {
            check_on_the_way_back(&mut scene)?;
        }
        scene.close()
    })
}
