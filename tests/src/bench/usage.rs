//! What a process uses.

use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use procfs::process::Process;

/// Memory in use, in MiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) resident: f64,
    /// Of it, what is not of files.
    pub(super) anonymous: f64,
}

impl Memory {
    pub(super) fn of(pid: i32) -> Result<Self> {
        let status = Process::new(pid)?.status()?;
        let [resident, anonymous] = [status.vmrss, status.rssanon].map(|kibibytes| {
            let kibibytes = kibibytes.context("the kernel does not count it")?;
            anyhow::Ok(f64::from(u32::try_from(kibibytes)?) / 1_024.0)
        });
        Ok(Self {
            resident: resident?,
            anonymous: anonymous?,
        })
    }
}

/// Processor time of all threads of these processes, those included that have ended, to the nanosecond.
pub(super) fn processor_time(pids: &[i32]) -> Result<Duration> {
    let mut sum = Duration::ZERO;
    for pid in pids {
        let clock = clock_getcpuclockid(Pid::from_raw(*pid))?;
        sum += Duration::from(clock.now()?);
    }
    Ok(sum)
}
