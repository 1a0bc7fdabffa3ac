//! The host as a whole.

use std::path::Path;

use super::look::Usage;
use super::pressure::{self, RESOURCES};
use super::words::numbers;
use crate::target::every_process;

/// Adds what procfs says.
pub(super) fn add(usage: &mut Usage) {
    usage.processes += every_process().map_or(0, |pids| pids.len() as u64);
    let vm = numbers(Path::new("/proc/vmstat"));
    let of = |name: &str| vm.get(name).copied().unwrap_or_default();
    usage.major_faults += of("pgmajfault");
    *usage
        .memory_events
        .entry("oom_kill".to_owned())
        .or_default() += of("oom_kill");
    let memory = numbers_with_units(Path::new("/proc/meminfo"));
    usage.memory_bytes += memory;
    for resource in RESOURCES {
        let file = Path::new("/proc/pressure").join(resource);
        pressure::add(&mut usage.pressures, resource, &file);
    }
}

/// Bytes that are not available to anybody.
fn numbers_with_units(path: &Path) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or_default()
    };
    kib("MemTotal:").saturating_sub(kib("MemAvailable:")) * 1024
}
