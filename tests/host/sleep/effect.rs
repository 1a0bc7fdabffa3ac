//! As long as was asked, for the target alone, before the call's effect or after it.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_core::plan::Mechanism;
use injector_user::protocol::{FaultReport, State};
use procfs::process::Process;
use temblor_tests::{Caller, wait_until};

use super::scene::{Scene, for_each_way, for_each_way_and_disk};
use super::shell::Shell;
use crate::stage::DEADLINE;

/// How long it has used a processor, in clock ticks of 10 ms.
fn ticks(pid: i32) -> Result<u64> {
    let stat = Process::new(pid)?.stat()?;
    Ok(stat.utime + stat.stime)
}

#[test]
fn a_caller_sleeps_as_long_as_was_asked_and_uses_no_processor() -> Result<()> {
    for_each_way(|mut scene| {
        let mut beside = Caller::start(1, &[scene.way.call])?;
        let armed = scene.arm(&[("latency", "700ms")])?;
        let before = ticks(scene.caller.pid())?;
        let begun = Instant::now();
        scene.caller.begin()?;
        scene.await_hits(&armed, 1)?;
        // As one that waits for a disk, and not as one that is stuck.
        let asleep = wait_until("it sleeps", DEADLINE, || {
            scene.states().is_ok_and(|states| states == ['S', 'S'])
        });
        asleep.with_context(|| format!("{:?}", scene.states()))?;
        // Nobody else waits: its call is over long before the other's.
        assert_eq!(beside.round()?[scene.way.call], [0]);
        assert_eq!(scene.told_of(Caller::tell)?, 0);
        assert!(begun.elapsed() >= Duration::from_millis(700));
        let used = ticks(scene.caller.pid())? - before;
        assert!(used < 35, "{used} of 70 ticks");
        let report = scene.client.stop_one(&armed)?;
        assert!(report.counters.injected >= 1, "{report:?}");
        assert!(report.counters.identity_holds());
        drop(beside);
        scene.close()
    })
}

/// Who makes the same call while the target sleeps.
#[test]
fn nobody_else_sleeps() -> Result<()> {
    for_each_way_and_disk(|mut scene| {
        let mut beside = Caller::start(1, &[scene.way.call])?;
        let armed = scene.fall_asleep(&[])?;
        let before = scene.client.snapshot(&armed.fault)?.counters;
        assert_eq!(beside.round()?[scene.way.call], [0]);
        let after = scene.client.snapshot(&armed.fault)?.counters;
        assert_eq!(
            (after.matched, after.injected),
            (before.matched, before.injected)
        );
        scene.client.stop_one(&armed)?;
        drop(beside);
        scene.close()
    })
}

#[test]
fn a_short_sleep_is_not_shorter_than_was_asked() -> Result<()> {
    for_each_way(|mut scene| {
        for (latency, asked) in [("1ms", 1), ("20ms", 20), ("100ms", 100)] {
            let armed = scene.arm(&[("latency", latency)])?;
            let begun = Instant::now();
            assert_eq!(scene.one()?, 0);
            assert!(begun.elapsed() >= Duration::from_millis(asked));
            scene.client.stop_one(&armed)?;
        }
        scene.close()
    })
}

#[test]
fn hundreds_sleep_at_the_same_time() -> Result<()> {
    for_each_way(|mut scene| {
        let call = scene.way.by_many;
        let mut crowd = Caller::start(1, &[call])?;
        let target = format!("pid:{}", crowd.pid());
        let given = [("latency", "2s")];
        let armed = scene.way.arm(&mut scene.client, &target, &given)?;
        let begun = Instant::now();
        assert_eq!(crowd.round()?[call], [0]);
        let took = begun.elapsed();
        // One after the other would take twenty minutes.
        assert!(
            took >= Duration::from_secs(2) && took < DEADLINE,
            "{took:?}"
        );
        let report = scene.client.stop_one(&armed)?;
        let asleep = report.asleep.context("they were to sleep")?;
        if !scene.way.takes_many {
            // Some of them, and of the others it is told.
            assert!(asleep.callers > 1 && asleep.awake > 0, "{report:?}");
            let told_of = asleep.callers + asleep.awake;
            assert_eq!(told_of, report.counters.injected, "{report:?}");
            drop(crowd);
            return scene.close();
        }
        // Who came while another was half through the program, on the same processor, is told of.
        let told_of = report.counters.injected + report.missed;
        assert!(told_of >= 600, "{report:?}");
        assert!(report.counters.injected >= 500, "{report:?}");
        drop(crowd);
        scene.close()
    })
}

#[test]
fn the_last_of_so_many_hits_is_as_slow_as_the_others() -> Result<()> {
    for_each_way(|mut scene| {
        let armed = scene.arm(&[("latency", "1s"), ("max_hits", "1")])?;
        let begun = Instant::now();
        assert_eq!(scene.one()?, 0);
        assert!(begun.elapsed() >= Duration::from_secs(1));
        let mut last = None;
        wait_until("it has ended by itself", DEADLINE, || {
            last = scene.client.snapshot(&armed.fault).ok();
            let ended = |report: &FaultReport| matches!(report.state, State::Ended { .. });
            last.as_ref().is_some_and(ended)
        })?;
        assert_eq!(last.map(|report| report.counters.injected), Some(1));
        scene.close()
    })
}

/// When a shell that is a target has written its two lines, from when it was told to.
fn lines(scene: &mut Scene, latency: &str) -> Result<[Duration; 2]> {
    let mut shell = Shell::start("", "echo one; echo two")?;
    let target = format!("pid:{}", shell.pid());
    let given = [("latency", latency), ("max_hits", "1")];
    let armed = scene
        .way
        .arm_at("write", &mut scene.client, &target, &given)?;
    let begun = Instant::now();
    shell.go()?;
    let mut next = || shell.line().map(|_line| begun.elapsed());
    let times = [next()?, next()?];
    shell.end()?;
    scene.client.stop_one(&armed)?;
    Ok(times)
}

#[test]
fn what_the_call_does_is_seen_before_the_sleep_or_after_it() -> Result<()> {
    const LATENCY: Duration = Duration::from_secs(4);
    for_each_way(|mut scene| {
        // A hook of the BPF LSM that may sleep is not on the way of a write.
        if scene.way.mechanism != Mechanism::SleepInLsm {
            let [one, two] = lines(&mut scene, "4s")?;
            assert!(two >= LATENCY, "{two:?}");
            assert_eq!(one >= LATENCY, scene.way.moment == "before", "{one:?}");
        }
        scene.close()
    })
}

#[test]
fn only_the_files_that_are_meant_are_slow() -> Result<()> {
    for_each_way(|mut scene| {
        let folder = tempfile::tempdir()?;
        let (slow, quick) = (folder.path().join("slow"), folder.path().join("quick"));
        fs::write(&slow, "")?;
        fs::write(&quick, "")?;
        let script = format!(
            "echo x >>{}; echo quick; echo x >>{}; echo slow",
            quick.display(),
            slow.display()
        );
        let mut shell = Shell::start("", script)?;
        let target = format!("pid:{}", shell.pid());
        let path = slow.display().to_string();
        let given = [("latency", "1s"), ("path", path.as_str())];
        // By path it is known at a call's own function only what a descriptor stands for.
        let call = scene.way.of_the_shell;
        let armed = scene.way.arm_at(call, &mut scene.client, &target, &given)?;
        let begun = Instant::now();
        shell.go()?;
        shell.end()?;
        assert!(begun.elapsed() >= Duration::from_secs(1));
        let report = scene.client.stop_one(&armed)?;
        assert_eq!(report.counters.injected, 1, "{report:?}");
        scene.close()
    })
}
