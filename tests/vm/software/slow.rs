//! Software whose disk is slow, though nobody has touched the disk: what it promises or serves takes longer
//! by what was asked for, and what its neighbour does, does not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;
use injector_core::fault::Kind;
use injector_user::protocol::FaultReport;
use temblor_tests::software::{Nginx, Policy, Postgres, Redis, Running};

use super::fault::Fault;

/// How many promises are made or files served, one after the other.
const TIMES: u32 = 10;

/// How much longer each of them takes.
const LATENCY: Duration = Duration::from_millis(200);

/// The operation takes longer for this process and its children, for files below the path.
fn slow(operation: &str, pid: i32, path: &str) -> Result<Fault> {
    Fault::of(
        Kind::DiskSlow,
        &[
            ("target", &format!("pid:{pid}")),
            ("path", path),
            ("operation", operation),
            ("latency", "200ms"),
        ],
    )
}

fn timed<T>(act: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let begun = Instant::now();
    let done = act()?;
    Ok((done, begun.elapsed()))
}

/// Each time the one took as long as was asked for, and the other's together less than half of that.
fn check(slow: Duration, quick: Duration, report: &FaultReport) {
    assert!(slow >= LATENCY * TIMES, "{slow:?}");
    check_quick(quick);
    assert!(report.counters.injected >= TIMES.into(), "{report:?}");
}

/// All the times together took less than half of what was asked for.
fn check_quick(took: Duration) {
    assert!(took < LATENCY * TIMES / 2, "{took:?}");
}

/// A database with a table, and what runs it.
fn database() -> Result<(Postgres, Running)> {
    let postgres = Postgres::make()?;
    let running = postgres.start(&[])?;
    postgres.sql("CREATE TABLE kept (number integer)")?;
    Ok((postgres, running))
}

fn all() -> BTreeSet<u32> {
    (1..=TIMES).collect()
}

#[test]
fn a_commit_of_postgresql_takes_longer_and_its_neighbours_does_not() -> Result<()> {
    let (postgres, running) = database()?;
    let (neighbour, beside) = database()?;
    let fault = slow("sync", running.pid(), &postgres.wal())?;
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
    let fault = slow("sync", running.pid(), &journal)?;
    let ((kept, refusal), took) = timed(|| Ok(Redis::write(&mut connection, all())))?;
    assert_eq!((kept, refusal), (all(), None));
    let ((kept, refusal), quick) = timed(|| Ok(Redis::write(&mut other, all())))?;
    assert_eq!((kept, refusal), (all(), None));
    check(took, quick, &fault.end()?);
    drop((running, beside));
    Ok(())
}

/// Files of two folders, and who serves them.
fn server() -> Result<(Nginx, Running)> {
    let nginx = Nginx::make()?;
    for name in [SLOW, QUICK] {
        nginx.put(name, name)?;
    }
    let running = nginx.start()?;
    Ok((nginx, running))
}

const SLOW: &str = "slow/file";
const QUICK: &str = "quick/file";

/// How long it takes to get a file so often.
fn gets(nginx: &Nginx, name: &str) -> Result<Duration> {
    let (_done, took) = timed(|| {
        for _ in 0..TIMES {
            assert_eq!(nginx.get(name)?, name);
        }
        Ok(())
    })?;
    Ok(took)
}

#[test]
fn a_file_that_nginx_reads_takes_longer_and_no_other_nor_its_neighbours() -> Result<()> {
    let ((nginx, running), (neighbour, beside)) = (server()?, server()?);
    check_quick(gets(&nginx, SLOW)?);
    let folder = nginx.site().join("slow");
    let fault = slow("read", running.pid(), &format!("{}/", folder.display()))?;
    let took = gets(&nginx, SLOW)?;
    check_quick(gets(&nginx, QUICK)?);
    let quick = gets(&neighbour, SLOW)?;
    let report = fault.end()?;
    check(took, quick, &report);
    // It reads a small file at once: nothing else of it was slow.
    assert_eq!(report.counters.injected, u64::from(TIMES), "{report:?}");
    check_quick(gets(&nginx, SLOW)?);
    drop((running, beside));
    Ok(())
}
