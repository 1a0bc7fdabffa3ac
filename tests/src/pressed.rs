//! What workers do, as the kernel sees it: nothing here is taken from our own reports.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use injector_core::fault::Kind;
use injector_user::target::members;
use nix::poll::{PollTimeout, poll};
use procfs::process::Process;

/// What a worker calls itself.
const WORKER: &str = "temblor-worker";

/// By how much a count of resident memory may be behind: kernels add up now and then what threads and
/// processors have counted.
const ROUGHLY: u64 = 512 << 10;

/// How long something is watched that goes on.
const WATCHED: Duration = Duration::from_millis(100);

/// The processes of this name in a cgroup.
pub fn workers_in(folder: &Path) -> Result<Vec<i32>> {
    let members = members(folder).context("failed to read who is in a cgroup")?;
    Ok(members.into_iter().filter(|pid| is_worker(*pid)).collect())
}

/// Those of the whole host.
pub fn workers() -> Result<Vec<i32>> {
    let all = procfs::process::all_processes()?.flatten();
    let pids = all.map(|process| process.pid);
    Ok(pids.filter(|pid| is_worker(*pid)).collect())
}

fn is_worker(pid: i32) -> bool {
    let stat = Process::new(pid).and_then(|process| process.stat());
    stat.is_ok_and(|stat| stat.comm == WORKER && stat.state != 'Z')
}

/// Whether the cgroup has a worker that uses something up, at least as much as this of it: bytes that are
/// held, or anything at all of what goes on.
pub fn is_pressed(kind: Kind, folder: &Path, bytes: u64) -> Result<bool> {
    let workers = workers_in(folder)?;
    let used = |amount: fn(i32) -> u64| -> u64 { workers.iter().map(|pid| amount(*pid)).sum() };
    let grows = |amount: fn(i32) -> u64| {
        let before = used(amount);
        poll(&mut [], PollTimeout::try_from(WATCHED)?)?;
        anyhow::Ok(used(amount) > before)
    };
    match kind {
        Kind::CpuStress => grows(processor_time),
        Kind::DiskStress => grows(written),
        Kind::MemoryStress => Ok(used(resident) + ROUGHLY >= bytes && used(resident) > 0),
        Kind::DiskFill => Ok(used(allocated) >= bytes && bytes > 0),
        other => bail!("{other} has no workers"),
    }
}

/// In clock ticks.
pub fn processor_time(pid: i32) -> u64 {
    let stat = Process::new(pid).and_then(|process| process.stat());
    stat.map_or(0, |stat| stat.utime + stat.stime)
}

/// By write calls, in bytes.
fn written(pid: i32) -> u64 {
    let io = Process::new(pid).and_then(|process| process.io());
    io.map_or(0, |io| io.wchar)
}

/// Anonymous memory, in bytes.
pub fn resident(pid: i32) -> u64 {
    let status = Process::new(pid).and_then(|process| process.status());
    status.map_or(0, |status| status.rssanon.unwrap_or_default() * 1024)
}

/// What file systems have given to files that it has open and that have no name.
pub fn allocated(pid: i32) -> u64 {
    let fds = fs::read_dir(format!("/proc/{pid}/fd"));
    let found = fds.into_iter().flatten().flatten();
    let found = found.filter_map(|fd| fs::metadata(fd.path()).ok());
    let nameless = found.filter(|found| found.is_file() && found.nlink() == 0);
    nameless.map(|found| found.blocks() * 512).sum()
}
