//! What an engine holds.

use std::fs;

use anyhow::Result;
use procfs::process::Process;

use super::super::memory::resident;

/// As the kernel counts it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Held {
    /// MiB.
    pub(super) resident: f64,
    pub(super) descriptors: u32,
    /// Kernel programs, maps and links among them.
    pub(super) kernel_objects: u32,
    pub(super) threads: u32,
}

impl Held {
    pub(super) fn by(pid: i32) -> Result<Self> {
        let (mut descriptors, mut kernel_objects) = (0, 0);
        for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
            // One that was closed meanwhile does not count.
            let Ok(target) = fs::read_link(entry?.path()) else {
                continue;
            };
            let target = target.to_string_lossy();
            descriptors += 1;
            kernel_objects += u32::from(target.starts_with("anon_inode:bpf"));
        }
        let threads = Process::new(pid)?.stat()?.num_threads;
        Ok(Self {
            resident: resident(pid)?,
            descriptors,
            kernel_objects,
            threads: u32::try_from(threads)?,
        })
    }
}
