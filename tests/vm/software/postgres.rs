//! PostgreSQL when what it has written cannot be made durable.
//!
//! Its documentation: with `data_sync_retry` off, the default, "PostgreSQL will raise a PANIC-level error
//! on failure to flush modified data files", and it does for its write-ahead log whatever is set; it then
//! recovers from that log.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use nix::sys::signal::Signal;
use temblor_tests::software::{Postgres, Running};
use temblor_tests::wait_until;

use super::fault::Fault;

/// Longer than three recoveries take.
const DEADLINE: Duration = Duration::from_mins(1);

/// A database with fifty committed numbers, and what runs it.
fn begin(settings: &[&str]) -> Result<(Postgres, Running, BTreeSet<u32>)> {
    let postgres = Postgres::make()?;
    let running = postgres.start(settings)?;
    postgres.sql("CREATE TABLE kept (number integer)")?;
    postgres.sql("CHECKPOINT")?;
    let (kept, error) = postgres.commit(1..=50)?;
    assert_eq!((kept.len(), error.as_str()), (50, ""));
    Ok((postgres, running, kept))
}

/// Its files below a folder cannot be synced.
fn fault(folder: &str, more: &[(&str, &str)]) -> Result<Fault> {
    let basic = [
        ("target", "user:nobody"),
        ("all", "true"),
        ("syscalls", "fsync,fdatasync"),
        ("path", folder),
        ("errno", "EIO"),
    ];
    Fault::begin(&[&basic[..], more].concat())
}

/// All that was acknowledged is there, and nothing else but what may have been committed without anybody
/// having heard of it.
fn check_kept(postgres: &Postgres, kept: &BTreeSet<u32>, unheard: u32) -> Result<()> {
    let mut found = postgres.numbers()?;
    if !kept.contains(&unheard) {
        found.remove(&unheard);
    }
    assert_eq!(found, *kept, "{}", postgres.log());
    Ok(())
}

#[test]
fn a_commit_that_is_not_durable_is_not_acknowledged_and_it_recovers() -> Result<()> {
    let (postgres, running, mut kept) = begin(&[])?;
    // Once: the log can be synced again when it is recovered from.
    let fault = fault(&postgres.wal(), &[("when", "5+"), ("max_hits", "1")])?;
    let (more, error) = postgres.commit(51..=100)?;
    assert!(more.len() < 50, "{more:?}");
    assert!(
        error.contains("PANIC") || error.contains("server closed"),
        "{error}"
    );
    let unheard = 51 + u32::try_from(more.len())?;
    kept.extend(more);
    postgres.await_answer()?;
    let report = fault.end()?;
    let log = postgres.log();
    assert_eq!(report.counters.injected, 1, "{report:?}");
    assert!(log.contains("PANIC:  could not f"), "{log}");
    assert!(log.contains("automatic recovery in progress"), "{log}");
    check_kept(&postgres, &kept, unheard)?;
    let (later, error) = postgres.commit(200..=210)?;
    assert_eq!((later.len(), error.as_str()), (11, ""));
    running.stop(Signal::SIGINT).map(drop)
}

#[test]
fn it_recovers_in_vain_until_its_log_can_be_synced_and_then_has_all() -> Result<()> {
    let (postgres, running, kept) = begin(&[])?;
    let fault = fault(&postgres.wal(), &[])?;
    let (more, error) = postgres.commit(51..=100)?;
    assert!(more.is_empty() && !error.is_empty(), "{more:?}");
    wait_until("it has panicked three times", DEADLINE, || {
        postgres.log().matches("PANIC:").count() >= 3
    })?;
    assert!(postgres.sql("SELECT 1").is_err(), "{}", postgres.log());
    let report = fault.end()?;
    assert!(report.counters.injected >= 3, "{report:?}");
    postgres.await_answer()?;
    check_kept(&postgres, &kept, 51)?;
    running.stop(Signal::SIGINT).map(drop)
}

#[test]
fn a_checkpoint_that_cannot_be_synced_panics_unless_it_may_be_tried_again() -> Result<()> {
    for (retry, panics) in [("off", true), ("on", false)] {
        let setting = format!("data_sync_retry={retry}");
        let (postgres, running, kept) = begin(&[&setting])?;
        let fault = fault(&postgres.tables(), &[("max_hits", "1")])?;
        let checkpoint = postgres.sql("CHECKPOINT");
        assert!(checkpoint.is_err(), "data_sync_retry={retry}");
        postgres.await_answer()?;
        let report = fault.end()?;
        assert_eq!(report.counters.injected, 1, "{report:?}");
        let log = postgres.log();
        assert_eq!(
            log.contains("PANIC:"),
            panics,
            "data_sync_retry={retry}: {log}"
        );
        assert!(log.contains("could not fsync file"), "{log}");
        check_kept(&postgres, &kept, 0)?;
        postgres.sql("CHECKPOINT")?;
        running.stop(Signal::SIGINT)?;
    }
    Ok(())
}
