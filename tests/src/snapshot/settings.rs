//! Settings of the kernel, as `sysctl(8)` lists them.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// A line for each below this folder of `/proc/sys`, but for those that change by themselves.
pub(super) fn settings(folder: &str) -> Vec<String> {
    let folder = Path::new("/proc/sys").join(folder);
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    let steady = paths.iter().filter(|path| !is_restless(path));
    let lines = steady.map(|path| format!("{} {}", path.display(), setting(path).trim_end()));
    lines.collect()
}

fn is_restless(path: &Path) -> bool {
    let text = path.to_string_lossy();
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
    .any(|word| text.contains(word))
}

/// Every file below `folder`. There are thousands of settings: nothing is asked twice.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

/// Longer than nearly all are, and no more: the kernel clears as much before it answers.
const USUAL: usize = 64;

/// A value; nothing if it may not be read.
fn setting(path: &Path) -> String {
    let mut buffer = [0; USUAL];
    let read = File::open(path).and_then(|mut file| file.read(&mut buffer));
    match read {
        Ok(length) if length < buffer.len() => {
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        }
        Ok(_) => fs::read_to_string(path).unwrap_or_default(),
        Err(_) => String::new(),
    }
}
