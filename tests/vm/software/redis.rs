//! Redis when its append-only file cannot be written any more.

use anyhow::Result;
use nix::sys::signal::Signal;
use temblor_tests::software::{Policy, Redis};

use super::fault::Fault;

/// No space is left for its file.
fn full(redis: &Redis, pid: i32) -> Result<Fault> {
    Fault::begin(&[
        ("target", &format!("pid:{pid}")),
        ("syscalls", "write,writev,pwrite64"),
        ("path", &redis.journal()?.display().to_string()),
        ("errno", "ENOSPC"),
    ])
}

#[test]
fn it_ends_rather_than_break_its_promise_and_has_all_it_acknowledged() -> Result<()> {
    let redis = Redis::make(Policy::Always)?;
    let running = redis.start()?;
    let mut connection = redis.connect()?;
    let (kept, refusal) = Redis::write(&mut connection, 1..=50);
    assert_eq!((kept.len(), refusal), (50, None));
    let fault = full(&redis, running.pid())?;
    let (more, refusal) = Redis::write(&mut connection, 51..=100);
    // Whom it cannot keep a promise to gets no answer.
    assert!(more.is_empty() && refusal.is_some(), "{more:?}");
    let status = running.end()?;
    let report = fault.end()?;
    let log = redis.log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("No space left on device"), "{log}");
    assert!(log.contains("fsync policy is 'always'"), "{log}");
    assert_eq!(report.counters.injected, 1, "{report:?}");
    redis.check_kept(&kept)
}

#[test]
fn it_refuses_writes_for_as_long_as_there_is_no_space() -> Result<()> {
    let redis = Redis::make(Policy::EverySecond)?;
    let running = redis.start()?;
    let mut connection = redis.connect()?;
    let (mut kept, refusal) = Redis::write(&mut connection, 1..=50);
    assert_eq!((kept.len(), refusal), (50, None));
    let fault = full(&redis, running.pid())?;
    let (more, refusal) = Redis::write(&mut connection, 51..=100);
    let refusal = refusal.unwrap_or_default();
    assert!(refusal.contains("MISCONF"), "{refusal}");
    // What it has said yes to is in its memory until there is space.
    kept.extend(more);
    let readable = Redis::numbers(&mut connection)?;
    assert!(readable.is_superset(&kept), "{readable:?}");
    fault.end()?;
    kept.insert(Redis::write_again(&mut connection, 200)?);
    running.stop(Signal::SIGTERM)?;
    redis.check_kept(&kept)
}
