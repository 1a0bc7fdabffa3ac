//! Software whose disk is slow, though nobody has touched the disk: what it promises takes longer by what
//! was asked for, and its neighbour's promises do not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use injector_core::fault::Kind;
use injector_user::protocol::FaultReport;
use temblor_tests::software::{Policy, Postgres, Redis};

use super::fault::Fault;

/// How many promises are made, one after the other.
const PROMISES: u32 = 10;

/// How much longer each of them takes.
const LATENCY: Duration = Duration::from_millis(200);

/// Syncing takes longer for this process and its children, for files below the path.
fn slow(pid: i32, path: &str) -> Result<Fault> {
    Fault::of(
        Kind::DiskSlow,
        &[
            ("target", &format!("pid:{pid}")),
            ("path", path),
            ("operation", "sync"),
            ("latency", "200ms"),
        ],
    )
}

fn timed<T>(act: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let begun = Instant::now();
    let done = act()?;
    Ok((done, begun.elapsed()))
}

/// Each promise of the one took as long as was asked for, and all of the other's together less than half
/// of that.
fn check(slow: Duration, quick: Duration, report: &FaultReport) {
    let asked = LATENCY * PROMISES;
    assert!(slow >= asked, "{slow:?}");
    assert!(quick < asked / 2, "{quick:?}");
    assert!(report.counters.injected >= PROMISES.into(), "{report:?}");
}

/// A database with a table, and what runs it.
fn database() -> Result<(Postgres, temblor_tests::software::Running)> {
    let postgres = Postgres::make()?;
    let running = postgres.start(&[])?;
    postgres.sql("CREATE TABLE kept (number integer)")?;
    Ok((postgres, running))
}

fn all() -> BTreeSet<u32> {
    (1..=PROMISES).collect()
}

#[test]
fn a_commit_of_postgresql_takes_longer_and_its_neighbours_does_not() -> Result<()> {
    let (postgres, running) = database()?;
    let (neighbour, beside) = database()?;
    let fault = slow(running.pid(), &postgres.wal())?;
    let ((kept, error), took) = timed(|| postgres.commit(all()))?;
    assert_eq!((kept, error.as_str()), (all(), ""));
    let ((kept, error), quick) = timed(|| neighbour.commit(all()))?;
    assert_eq!((kept, error.as_str()), (all(), ""));
    check(took, quick, &fault.end()?);
    drop((running, beside));
    Ok(())
}

#[test]
fn a_write_that_redis_syncs_takes_longer_and_its_neighbours_does_not() -> Result<()> {
    let (redis, neighbour) = (Redis::make(Policy::Always)?, Redis::make(Policy::Always)?);
    let (running, beside) = (redis.start()?, neighbour.start()?);
    let (mut connection, mut other) = (redis.connect()?, neighbour.connect()?);
    let journal = redis.journal()?.display().to_string();
    let fault = slow(running.pid(), &journal)?;
    let ((kept, refusal), took) = timed(|| Ok(Redis::write(&mut connection, all())))?;
    assert_eq!((kept, refusal), (all(), None));
    let ((kept, refusal), quick) = timed(|| Ok(Redis::write(&mut other, all())))?;
    assert_eq!((kept, refusal), (all(), None));
    check(took, quick, &fault.end()?);
    drop((running, beside));
    Ok(())
}
