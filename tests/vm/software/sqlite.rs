//! SQLite when it is killed just before it makes something durable: by `process.crash`, and by strace as
//! its peer.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use temblor_tests::software::Sqlite;
use temblor_tests::{Actor, Cgroup, Engine, params};

/// More than any transaction here syncs.
const MOST: u32 = 40;

/// Kills a transaction before its first sync, then before its second, until one comes to its end: whether
/// each that was killed took place.
fn check(mode: &'static str, mut transact: impl FnMut(&Sqlite, u32) -> Result<bool>) -> Result<()> {
    let mut outcomes = Vec::new();
    for number in 1..=MOST {
        let sqlite = Sqlite::make(mode)?;
        let ended = transact(&sqlite, number)?;
        let happened = sqlite
            .check()
            .with_context(|| format!("{mode}, sync {number}"))?;
        if ended {
            assert!(
                happened,
                "{mode}: it was not killed, and nothing took place"
            );
            // Before its first sync nothing was durable.
            assert_eq!(outcomes.first(), Some(&false), "{mode}: {outcomes:?}");
            assert!(outcomes.len() > 2, "{mode}: {outcomes:?}");
            return Ok(());
        }
        outcomes.push(happened);
    }
    bail!("{mode}: it was killed {MOST} times: {outcomes:?}")
}

/// Whether it came to its end although strace was to kill it.
fn below_strace(sqlite: &Sqlite, number: u32) -> Result<bool> {
    let kill = format!("inject=fdatasync:signal=KILL:when={number}");
    let ended = sqlite.transact_below("strace", &["-qq", "-f", "-e", &kill])?;
    Ok(ended.status.success())
}

/// The same in a cgroup whose processes crash before that sync.
fn below_us(engine: &Engine, cgroup: &Cgroup, sqlite: &Sqlite, number: u32) -> Result<bool> {
    let mut client = engine.client()?;
    let when = number.to_string();
    let given = [
        ("target", &*cgroup.target()),
        ("duration", "10m"),
        ("syscalls", "fsync,fdatasync"),
        ("when", &when),
        ("max_hits", "1"),
    ];
    let armed = client.arm(Kind::ProcessCrash, &params(given))?;
    let ended = transact_in(cgroup.folder(), sqlite)?;
    let report = client.stop_one(&armed)?;
    assert_eq!(report.counters.injected, u64::from(!ended), "{report:?}");
    Ok(ended)
}

/// Whether a transaction comes to its end that is made in this cgroup.
fn transact_in(cgroup: &Path, sqlite: &Sqlite) -> Result<bool> {
    let script = format!("echo 0 > {}/cgroup.procs && exec \"$@\"", cgroup.display());
    let status = Command::new("sh")
        .args(["-c", &script, "sh"])
        .args(sqlite.words())
        .stdout(Stdio::null())
        .status()?;
    Ok(status.success())
}

#[test]
fn a_transaction_that_crashes_at_any_sync_takes_place_as_a_whole_or_not_at_all() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "sqlite")?;
    // A target must not be empty.
    let stays = Actor::start()?;
    cgroup.enter(stays.pid())?;
    let engine = Engine::start()?;
    for mode in ["DELETE", "WAL"] {
        check(mode, |sqlite, number| {
            below_us(&engine, &cgroup, sqlite, number)
        })?;
    }
    engine.end()
}

#[test]
fn strace_kills_it_at_the_same_syncs() -> Result<()> {
    for mode in ["DELETE", "WAL"] {
        check(mode, below_strace)?;
    }
    Ok(())
}
