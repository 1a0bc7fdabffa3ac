//! Waiting for processors and disks.

use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::Result;
use injector_core::telemetry::Signal;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use temblor_tests::{tool, tool_if_any};

use super::scene::{Scene, count, durations};
use crate::bustle::{on_a_disk, written};

/// Whom requests are of whose cgroup the kernel does not know.
const HOST: &str = "host";

#[test]
fn who_shares_a_processor_waits_for_it() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(&[Signal::Scheduler])?;
    // Two who calculate, on one processor, and each has to wait for the other.
    let spin = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    let script = format!("({spin}) & ({spin}) & wait");
    scene.run("taskset", &["1", "sh", "-c", &script])?;
    let frame = client.frame()?;
    let waited = durations(&frame, "run_queue_wait", &[&label])?;
    let away = durations(&frame, "off_cpu", &[&label])?;
    assert!(waited.count() > 0 && away.count() > 0);
    // Each stands in the queue while the other runs, for a tick at least.
    assert!(waited.total_ns() >= 1_000_000, "{} ns", waited.total_ns());
    assert!(away.total_ns() >= waited.total_ns());
    drop(client);
    scene.close()
}

#[test]
fn who_sleeps_is_away_and_waits_for_no_processor() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(&[Signal::Scheduler])?;
    scene.run("sleep", &["0.3"])?;
    let frame = client.frame()?;
    let away = durations(&frame, "off_cpu", &[&label])?;
    assert!(away.total_ns() >= 300_000_000, "{} ns", away.total_ns());
    drop(client);
    scene.close()
}

#[test]
fn what_is_written_is_counted_by_the_requests_to_the_disk_and_by_fsync() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let folder = on_a_disk()?;
    let signals = [Signal::Block, Signal::Syscalls];
    let mut client = scene.observe_all(&[&label, HOST], &signals)?;
    let arguments = written(&folder.path().join("written"), 1_024);
    let said = scene.run("dd", &arguments.each_ref().map(String::as_str))?;
    assert!(said.status.success(), "{said:?}");
    let frame = client.frame()?;
    assert_eq!(count(&frame, "syscalls", &[&label, "fsync"])?, 1);
    let synced = durations(&frame, "syscall_duration", &[&label, "fsync"])?;
    assert_eq!(synced.count(), 1);
    let wrote = count(&frame, "syscall_moved", &[&label, "write"])?;
    assert!(wrote >= 1 << 20, "{wrote} bytes by calls");
    let moved = count(&frame, "block_moved", &[HOST, "write"])?;
    assert!(moved >= 1 << 20, "{moved} bytes to disks");
    let requests = durations(&frame, "block_duration", &[HOST, "write"])?;
    assert!(requests.count() > 0 && requests.total_ns() > 0);
    // Who waits for the disk waits at least as long as one of the requests takes.
    assert!(
        synced.longest() >= requests.quantile(0.0),
        "{synced:?} {requests:?}"
    );
    drop(client);
    scene.close()
}

/// A disk of memory, for as long as this value.
struct Disk {
    device: String,
    memory: OwnedFd,
}

impl Disk {
    const BYTES: u64 = 1 << 20;

    fn make() -> Result<Self> {
        let memory = memfd_create("disk", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&memory, Self::BYTES)?;
        let device = tool("losetup", &["-f"])?.trim().to_owned();
        let file = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
        tool("losetup", &[&device, &file])?;
        Ok(Self { device, memory })
    }

    /// From now on whatever is written fails.
    fn wear_out(&self) -> Result<()> {
        Ok(fcntl_add_seals(&self.memory, SealFlags::WRITE)?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        tool_if_any("losetup", &["-d", &self.device]);
    }
}

#[test]
fn requests_that_fail_are_counted_by_what_went_wrong() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut client = scene.observe_all(&[HOST], &[Signal::Block])?;
    let disk = Disk::make()?;
    disk.wear_out()?;
    let to = format!("of={}", disk.device);
    let said = scene.run(
        "dd",
        &["if=/dev/zero", &to, "bs=4k", "count=1", "oflag=direct"],
    )?;
    assert!(!said.status.success(), "{said:?}");
    let labels = [HOST, "write", "ioerr"];
    assert_eq!(count(&client.frame()?, "block_errors", &labels)?, 1);
    drop((client, disk));
    scene.close()
}
