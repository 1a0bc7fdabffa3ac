//! Settings of the kernel, as `sysctl(8)` lists them.

use std::ffi::CStr;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, openat};
use rustix::io::{Result, pread, read};

/// A line for each below this folder of `/proc/sys`, but for those that change by themselves.
pub(super) fn settings(folder: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let root = Path::new("/proc/sys").join(folder);
    if let Ok(root) = open(CWD, &root, OFlags::DIRECTORY) {
        collect(&root, folder, &mut lines);
    }
    lines
}

/// There are thousands: each is opened from its folder, so that the kernel walks no path.
fn collect(folder: &OwnedFd, name: &str, lines: &mut Vec<String>) {
    for entry in Dir::read_from(folder).into_iter().flatten().flatten() {
        let path = format!("{name}/{}", entry.file_name().to_string_lossy());
        match entry.file_type() {
            FileType::RegularFile if !is_restless(&path) => {
                let value = setting(folder, entry.file_name()).unwrap_or_default();
                lines.push(format!("{path} {}", value.trim_end()));
            }
            FileType::Directory if !matches!(entry.file_name().to_bytes(), b"." | b"..") => {
                if let Ok(inner) = open(folder, entry.file_name(), OFlags::DIRECTORY) {
                    collect(&inner, &path, lines);
                }
            }
            _ => {}
        }
    }
}

fn is_restless(path: &str) -> bool {
    [
        "/random/",
        "ns_last_pid",
        "pty/nr",
        "stat_refresh",
        "printk",
        "/flush",
        // What balancing has cost so far, on kernels before 5.13.
        "/sched_domain/",
    ]
    .iter()
    .any(|word| path.contains(word))
}

/// Longer than nearly all are: the kernel clears as much as it is asked for before it answers.
const USUAL: usize = 64;

/// Longer than any.
const LONGEST: usize = 1 << 14;

/// A value; an error if it may not be read.
fn setting(folder: &OwnedFd, name: &CStr) -> Result<String> {
    let file = open(folder, name, OFlags::empty())?;
    let mut value = vec![0; USUAL];
    let mut length = read(&file, &mut value)?;
    if length == USUAL {
        // What a read has no room for, the next one does not bring.
        value.resize(LONGEST, 0);
        length = pread(&file, &mut value, 0)?;
    }
    Ok(String::from_utf8_lossy(&value[..length]).into_owned())
}

fn open(at: impl rustix::fd::AsFd, path: impl rustix::path::Arg, more: OFlags) -> Result<OwnedFd> {
    openat(
        at,
        path,
        OFlags::RDONLY | OFlags::CLOEXEC | more,
        Mode::empty(),
    )
}
