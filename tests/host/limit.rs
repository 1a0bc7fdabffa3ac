//! `cpu.limit` and `memory.limit` through the engine: what the target feels, and what stays as it is.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use nix::poll::{PollTimeout, poll};
use nix::sys::signal::Signal;
use temblor_tests::{Pen, params, signal, wait_until};

use super::limited::{
    arm, asked, await_changed, check_refused, check_that_it_stays_until_somebody_undoes_it,
    check_that_pulses_come_and_go,
};
use super::stage::{DEADLINE, Stage, await_end};

#[test]
fn the_target_gets_no_more_processor_time_than_was_asked() -> Result<()> {
    let (narrow, wide) = (
        Pen::make(Kind::CpuLimit, "less")?,
        Pen::make(Kind::CpuLimit, "more")?,
    );
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let before = narrow.setting()?;
    let greedy = [narrow.want()?, wide.want()?];
    wait_until("both are in", DEADLINE, || {
        [&narrow, &wide].iter().all(|pen| {
            let procs = pen.read("cgroup.procs").unwrap_or_default();
            procs.lines().count() == 2
        })
    })?;
    let armed = arm(&mut client, &narrow, &[])?;
    await_changed(&narrow, &before)?;
    poll(&mut [], PollTimeout::from(2_000_u16))?;
    assert_eq!(wide.counted()?, 0, "the sibling waits for nobody");
    let report = client.stop_one(&armed)?;
    assert_eq!(narrow.setting()?, before);
    let strain = report.strain.context("a limit says what it met with")?;
    assert!(
        strain.throttled_periods > 0 && strain.throttled_us > 0,
        "{strain:?}"
    );
    // What it may use in the periods that it had, the first and the last of them in part.
    let allowed_us = strain.limited_us / 10 + 2 * 10_000;
    let used_us = strain.used_us;
    assert!((1..=allowed_us).contains(&used_us), "{strain:?}");
    assert_eq!(report.counters.injected, 1);
    drop(greedy);
    stage.close()
}

#[test]
fn who_wants_more_memory_is_held_back_and_the_sibling_is_not() -> Result<()> {
    let kind = Kind::MemoryLimit;
    let (narrow, wide) = (Pen::make(kind, "less")?, Pen::make(kind, "more")?);
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let before = narrow.setting()?;
    let armed = arm(&mut client, &narrow, &[])?;
    await_changed(&narrow, &before)?;
    assert!(narrow.is_felt()?);
    assert!(!wide.is_felt()?);
    let report = client.stop_one(&armed)?;
    assert_eq!(narrow.setting()?, before);
    let strain = report.strain.context("a limit says what it met with")?;
    assert!(strain.high + strain.max > 0, "{strain:?}");
    assert!(!narrow.is_felt()?);
    stage.close()
}

#[test]
fn pulses_come_and_go() -> Result<()> {
    check_that_pulses_come_and_go(&Pen::make(Kind::CpuLimit, "pulses")?)
}

#[test]
fn what_somebody_else_writes_meanwhile_stays() -> Result<()> {
    let pen = Pen::make(Kind::CpuLimit, "theirs")?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let before = pen.setting()?;
    let armed = arm(&mut client, &pen, &[])?;
    await_changed(&pen, &before)?;
    let (file, theirs) = if pen.is_v1() {
        ("cpu.cfs_quota_us", "70000")
    } else {
        ("cpu.max", "70000 100000")
    };
    fs::write(pen.folder().join(file), theirs)?;
    let report = await_end(&mut client, &armed.fault)?;
    assert_eq!(pen.setting()?, theirs);
    let said = |warning: &String| warning.contains("somebody else has changed");
    assert!(report.warnings.iter().any(said), "{report:?}");
    fs::write(pen.folder().join(file), before)?;
    stage.close()
}

#[test]
fn what_was_there_before_is_there_again_exactly() -> Result<()> {
    let pen = Pen::make(Kind::CpuLimit, "exact")?;
    let (file, before) = if pen.is_v1() {
        ("cpu.cfs_quota_us", "123456")
    } else {
        ("cpu.max", "123456 100000")
    };
    fs::write(pen.folder().join(file), before)?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let armed = arm(&mut client, &pen, &[])?;
    await_changed(&pen, before)?;
    signal(stage.engine.pid(), Signal::SIGKILL)?;
    wait_until("it is as it was", DEADLINE, || {
        pen.setting().is_ok_and(|now| now == before)
    })?;
    assert!(!armed.fault.is_empty());
    stage.close()
}

#[test]
fn only_what_is_tighter_and_the_targets_own_is_limited() -> Result<()> {
    let pen = Pen::make(Kind::CpuLimit, "cpu")?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let (file, tight) = if pen.is_v1() {
        ("cpu.cfs_quota_us", "20000")
    } else {
        ("cpu.max", "20000 100000")
    };
    let before = pen.setting()?;
    fs::write(pen.folder().join(file), tight)?;
    let looser = asked(&pen.target(), &[("quota", "30%")]);
    check_refused(&mut client, Kind::CpuLimit, &looser, "not looser than 30%")?;
    fs::write(pen.folder().join(file), before)?;
    let armed = arm(&mut client, &pen, &[])?;
    let tighter = asked(&pen.target(), &[("quota", "5%")]);
    check_refused(&mut client, Kind::CpuLimit, &tighter, "already acts there")?;
    client.stop_one(&armed)?;
    let stranger = stage.other.pid();
    pen.enter(stranger)?;
    let one = asked(&format!("pid:{}", pen.pid()), &[("quota", "30%")]);
    let reason = format!("also holds process {stranger}");
    check_refused(&mut client, Kind::CpuLimit, &one, &reason)?;
    let root = asked(&format!("pid:{}", stage.client.pid()), &[("quota", "30%")]);
    check_refused(
        &mut client,
        Kind::CpuLimit,
        &root,
        "no cgroup can be limited",
    )?;
    stage.close()
}

#[test]
fn who_holds_more_is_not_limited_below_that() -> Result<()> {
    let pen = Pen::make(Kind::MemoryLimit, "memory")?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let held = pen.hold()?;
    wait_until("it holds something", DEADLINE, || {
        let stat = pen.read("memory.stat").unwrap_or_default();
        let mut rows = stat.lines().filter_map(|line| line.split_once(' '));
        rows.any(|(name, bytes)| {
            // Some millions.
            ["anon", "total_rss"].contains(&name) && bytes.len() >= 7
        })
    })?;
    let little = asked(&pen.target(), &[("size", "512KiB"), ("how", "kill")]);
    check_refused(&mut client, Kind::MemoryLimit, &little, "holds")?;
    drop(held);
    stage.close()
}

#[test]
fn a_rehearsal_changes_nothing() -> Result<()> {
    let pen = Pen::make(Kind::CpuLimit, "rehearsed")?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let before = pen.setting()?;
    let given = [
        pen.tight(),
        &[("active", "20ms"), ("dormant", "20ms"), ("count", "3")],
    ]
    .concat();
    let counting = client.rehearse(Kind::CpuLimit, &asked(&pen.target(), &given), 60_000)?;
    let begun = Instant::now();
    let mut counted = 0;
    while counted < 3 && begun.elapsed() < DEADLINE {
        assert_eq!(pen.setting()?, before);
        counted = client.snapshot(&counting.fault)?.counters.injected;
    }
    assert_eq!(counted, 3);
    let report = client.stop_one(&counting)?;
    assert!(report.rehearsal);
    assert_eq!(pen.setting()?, before);
    stage.close()
}

#[test]
fn without_engine_and_keeper_it_stays_until_somebody_undoes_it() -> Result<()> {
    let pen = Pen::make(Kind::CpuLimit, "orphan")?;
    let (file, before) = if pen.is_v1() {
        ("cpu.cfs_quota_us", "123456")
    } else {
        ("cpu.max", "123456 100000")
    };
    fs::write(pen.folder().join(file), before)?;
    check_that_it_stays_until_somebody_undoes_it(&pen)
}

#[test]
fn the_keeper_undoes_it_while_the_engine_stands_still() -> Result<()> {
    let pen = Pen::make(Kind::CpuLimit, "chance")?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let before = pen.setting()?;
    arm(&mut client, &pen, &[])?;
    await_changed(&pen, &before)?;
    // Its keeper undoes it, and once more should the engine make it again on its way out.
    signal(stage.engine.pid(), Signal::SIGSTOP)?;
    wait_until("it is as it was", DEADLINE, || {
        pen.setting().is_ok_and(|now| now == before)
    })?;
    signal(stage.engine.pid(), Signal::SIGCONT)?;
    poll(&mut [], PollTimeout::try_from(Duration::from_millis(100))?)?;
    assert_eq!(
        pen.setting()?,
        before,
        "it is not done again within the pulse"
    );
    stage.close()
}

/// What limits where both are is shown in guests (`tests/vm/throttle`).
#[test]
fn a_rate_is_refused_without_a_disk_or_its_controller() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", stage.client.pid());
    let given = |path| {
        let given = [
            ("target", &*target),
            ("duration", "60s"),
            ("path", path),
            ("write_bps", "1MiB"),
        ];
        params(given)
    };
    let (kind, reason) = (Kind::DiskSlow, "is not on a disk that the kernel tells");
    check_refused(&mut client, kind, &given("/proc/self/"), reason)?;
    let reason = "No such file or directory";
    check_refused(&mut client, kind, &given("/no/such/folder/"), reason)?;
    // It is where no cgroup holds it alone, whatever else is here.
    let disk = tempfile::tempdir_in("/var/tmp")?;
    let path = disk.path().display().to_string();
    let failure = client.refusal(kind, &given(&path))?;
    assert_eq!(failure.class.exit_code(), 3, "{:?}", failure.problems);
    drop(disk);
    stage.close()
}
