//! What the target feels of a disk of the guest's own, and what stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use nix::poll::{PollTimeout, poll};
use nix::sys::signal::Signal;
use temblor_tests::{Armed, Client, Pen, params, signal, wait_until};

use crate::limited::{
    self, check_refused, check_that_it_stays_until_somebody_undoes_it,
    check_that_pulses_come_and_go,
};
use crate::stage::{DEADLINE, Stage, await_end};

pub(super) const KIND: Kind = Kind::DiskSlow;
const PATH: (&str, &str) = ("path", "/disk");

/// What one request to the disk may be too much, at both ends.
const PIECE: u64 = 64 << 10;

pub(super) fn asked(pen: &Pen, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    limited::asked(&pen.target(), &[&[PATH], more].concat())
}

fn arm(client: &mut Client, pen: &Pen, more: &[(&str, &str)]) -> Result<Armed> {
    client.arm(KIND, &asked(pen, more))
}

/// What `io.max` shows of the pen's disk, its keys and values.
fn row(pen: &Pen) -> Result<BTreeMap<String, String>> {
    let (shown, disk) = (pen.setting()?, pen.disk()?);
    let mut rows = shown.lines().filter_map(|line| line.split_once(' '));
    let row = rows.find(|(key, _)| *key == disk);
    let words = row.map_or("", |(_, row)| row).split(' ');
    let pairs = words.filter_map(|word| word.split_once('='));
    Ok(pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect())
}

pub(super) fn await_value(pen: &Pen, key: &str, value: Option<&str>) -> Result<()> {
    let what = format!("{key} is {value:?}");
    wait_until(&what, DEADLINE, || {
        row(pen).is_ok_and(|row| row.get(key).map(String::as_str) == value)
    })
    .map(drop)
}

fn write(pen: &Pen, limits: &str) -> Result<()> {
    let line = format!("{} {limits}", pen.disk()?);
    fs::write(pen.folder().join("io.max"), line).context("write io.max")
}

fn pause(seconds: u64) -> Result<()> {
    poll(
        &mut [],
        PollTimeout::try_from(Duration::from_secs(seconds))?,
    )?;
    Ok(())
}

#[test]
fn the_target_writes_no_more_than_was_asked_and_the_sibling_does() -> Result<()> {
    let (narrow, wide) = (Pen::make(KIND, "less")?, Pen::make(KIND, "more")?);
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    assert_eq!(narrow.setting()?, "");
    let armed = arm(&mut client, &narrow, &[("write_bps", "1MiB")])?;
    await_value(&narrow, "wbps", Some("1048576"))?;
    let greedy = narrow.write([64, 1024])?;
    // Sixteen seconds' worth under that limit.
    let mut free = wide.write([64, 256])?;
    wait_until("the sibling is done", Duration::from_secs(8), || {
        free.is_done().is_ok_and(|done| done)
    })?;
    pause(4)?;
    assert_eq!(wide.setting()?, "");
    let report = client.stop_one(&armed)?;
    drop(greedy);
    assert_eq!(narrow.setting()?, "", "a row without limits is no row");
    let strain = report.strain.context("a limit says what it met with")?;
    let allowed = strain.limited_us * ((1 << 20) / 1_000) / 1_000;
    assert!(
        strain.written_bytes <= allowed * 5 / 4 + 2 * PIECE,
        "{strain:?}"
    );
    assert!(strain.written_bytes >= allowed / 2, "{strain:?}");
    assert!(
        strain.writes >= strain.written_bytes / PIECE / 2,
        "{strain:?}"
    );
    assert_eq!(report.counters.injected, 1);
    stage.close()
}

#[test]
fn the_target_reads_no_more_often_than_was_asked() -> Result<()> {
    let pen = Pen::make(KIND, "reads")?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let mut writer = pen.write([4, 1024])?;
    wait_until("there is something to read", DEADLINE, || {
        writer.is_done().is_ok_and(|done| done)
    })?;
    let armed = arm(
        &mut client,
        &pen,
        &[("read_iops", "20"), ("write_bps", "1GiB")],
    )?;
    await_value(&pen, "riops", Some("20"))?;
    let greedy = pen.read_back([4, 1024])?;
    pause(5)?;
    let report = client.stop_one(&armed)?;
    drop(greedy);
    assert_eq!(pen.setting()?, "");
    let strain = report.strain.context("a limit says what it met with")?;
    let allowed = strain.limited_us * 20 / 1_000_000;
    assert!(strain.reads <= allowed * 5 / 4 + 4, "{strain:?}");
    assert!(strain.reads >= allowed / 2, "{strain:?}");
    assert_eq!(strain.read_bytes, strain.reads * 4_096, "{strain:?}");
    stage.close()
}

#[test]
fn pulses_come_and_go() -> Result<()> {
    check_that_pulses_come_and_go(&Pen::make(KIND, "pulses")?)
}

#[test]
fn what_somebody_else_writes_meanwhile_stays() -> Result<()> {
    let pen = Pen::make(KIND, "theirs")?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let both = [("write_bps", "1MiB"), ("read_bps", "2MiB")];
    // Beside ours it changes nothing.
    let armed = arm(&mut client, &pen, &both)?;
    await_value(&pen, "wbps", Some("1048576"))?;
    write(&pen, "riops=500")?;
    let report = client.stop_one(&armed)?;
    assert_eq!(report.warnings, Vec::<String>::new());
    let theirs = format!("{} rbps=max wbps=max riops=500 wiops=max", pen.disk()?);
    assert_eq!(pen.setting()?, theirs);
    // In place of one of ours it is the last word, and the other one of ours goes.
    let armed = arm(&mut client, &pen, &both)?;
    await_value(&pen, "wbps", Some("1048576"))?;
    write(&pen, "wbps=9000000")?;
    let report = await_end(&mut client, &armed.fault)?;
    let said = |warning: &String| warning.contains("somebody else has changed");
    assert!(report.warnings.iter().any(said), "{report:?}");
    let theirs = format!("{} rbps=max wbps=9000000 riops=500 wiops=max", pen.disk()?);
    assert_eq!(pen.setting()?, theirs);
    write(&pen, "wbps=max riops=max")?;
    stage.close()
}

#[test]
fn what_was_there_before_is_there_again_exactly() -> Result<()> {
    let pen = Pen::make(KIND, "exact")?;
    write(&pen, "rbps=50000000 wbps=9000000 wiops=700")?;
    let before = pen.setting()?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    arm(
        &mut client,
        &pen,
        &[("write_bps", "1MiB"), ("read_iops", "9")],
    )?;
    await_value(&pen, "wbps", Some("1048576"))?;
    let during = format!(
        "{} rbps=50000000 wbps=1048576 riops=9 wiops=700",
        pen.disk()?
    );
    assert_eq!(pen.setting()?, during);
    signal(stage.engine.pid(), Signal::SIGKILL)?;
    wait_until("it is as it was", DEADLINE, || {
        pen.setting().is_ok_and(|now| now == before)
    })?;
    stage.close()
}

#[test]
fn without_engine_and_keeper_it_stays_until_somebody_undoes_it() -> Result<()> {
    check_that_it_stays_until_somebody_undoes_it(&Pen::make(KIND, "orphan")?)
}

#[test]
fn a_rehearsal_changes_nothing() -> Result<()> {
    let pen = Pen::make(KIND, "rehearsed")?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let given = [
        ("write_bps", "64KiB"),
        ("active", "20ms"),
        ("dormant", "20ms"),
        ("count", "3"),
    ];
    let counting = client.rehearse(KIND, &asked(&pen, &given), 60_000)?;
    wait_until("three are counted", DEADLINE, || {
        let untouched = pen.setting().is_ok_and(|now| now.is_empty());
        let report = client.snapshot(&counting.fault);
        untouched && report.is_ok_and(|report| report.counters.injected == 3)
    })?;
    assert!(!pen.is_felt()?);
    assert!(client.stop_one(&counting)?.rehearsal);
    stage.close()
}

#[test]
fn only_what_is_tighter_and_on_one_disk_is_limited() -> Result<()> {
    let pen = Pen::make(KIND, "tighter")?;
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    write(&pen, "wbps=2097152")?;
    let looser = asked(&pen, &[("write_bps", "2MiB")]);
    check_refused(
        &mut client,
        KIND,
        &looser,
        "not looser than 2MiB per second",
    )?;
    write(&pen, "wbps=max")?;
    let target = pen.target();
    let of_memory = [
        ("target", &*target),
        ("duration", "60s"),
        ("path", "/run/"),
        ("write_bps", "2MiB"),
    ];
    let reason = "its file system (tmpfs) is not on a disk";
    check_refused(&mut client, KIND, &params(of_memory), reason)?;
    let armed = arm(&mut client, &pen, &[("write_bps", "2MiB")])?;
    let tighter = asked(&pen, &[("write_bps", "1MiB")]);
    check_refused(&mut client, KIND, &tighter, "already acts there")?;
    client.stop_one(&armed)?;
    let own = format!("pid:{}", stage.client.pid());
    let root = [
        ("target", &*own),
        ("duration", "60s"),
        PATH,
        ("write_bps", "2MiB"),
    ];
    check_refused(&mut client, KIND, &params(root), "no cgroup can be limited")?;
    stage.close()
}
