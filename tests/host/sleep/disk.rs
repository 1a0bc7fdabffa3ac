//! `disk.slow`: what is below a path takes longer, and the rest of the disk does not.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Result;
use injector_core::fault::Kind;
use injector_core::plan::Mechanism;
use injector_user::protocol::FaultReport;
use temblor_tests::{Caller, Client, params};

use super::way::Way;
use crate::stage::Stage;

/// Whichever of these a kernel lets wait, before or after.
const CALLS: [&str; 3] = ["openat", "pwrite64", "fsync"];

/// What of its calls a caller with its files in `folder` was kept waiting at, and for how long.
fn suffered(
    client: &mut Client,
    caller: &mut Caller,
    path: &str,
    operation: Option<&str>,
) -> Result<(FaultReport, Duration)> {
    let target = format!("pid:{}", caller.pid());
    let given = [
        ("target", target.as_str()),
        ("duration", "60s"),
        ("path", path),
        ("latency", "300ms"),
    ];
    let operation = operation.map(|operation| ("operation", operation));
    let given = params(given.into_iter().chain(operation));
    let armed = client.arm(Kind::DiskSlow, &given)?;
    let begun = Instant::now();
    let told = caller.round()?;
    let took = begun.elapsed();
    assert!(told.values().flatten().all(|errno| *errno == 0), "{told:?}");
    Ok((client.stop_one(&armed)?, took))
}

#[test]
fn what_is_below_a_path_takes_longer_and_nothing_else() -> Result<()> {
    let stage = Stage::set()?;
    // The hooks of the BPF LSM that may sleep are those at which files are opened.
    let ways = Way::here(&stage.engine)?;
    let in_lsm = |way: &Way| way.mechanism == Mechanism::SleepInLsm;
    let operation = ways.iter().all(in_lsm).then_some("open");
    let mut client = stage.engine.client()?;
    let folder = tempfile::tempdir_in("/var/tmp")?;
    let other = tempfile::tempdir_in("/var/tmp")?;
    let mut caller = Caller::start_in(folder.path(), 1, &CALLS)?;
    let path = |folder: &tempfile::TempDir| format!("{}/", folder.path().display());
    let (report, took) = suffered(&mut client, &mut caller, &path(&folder), operation)?;
    assert!(report.counters.injected >= 1, "{report:?}");
    assert!(took >= Duration::from_millis(300), "{took:?}");
    let (report, _took) = suffered(&mut client, &mut caller, &path(&other), operation)?;
    assert_eq!(report.counters.injected, 0, "{report:?}");
    drop(caller);
    fs::remove_dir_all(folder)?;
    stage.close()
}
