//! Where the figures come from.

use std::fs;

use nix::sys::utsname::uname;
use serde::Serialize;

/// What a reader has to know of the machine to judge a figure.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    pub(super) kernel: String,
    pub(super) processor: String,
    pub(super) processors: usize,
    pub(super) clock_source: String,
    /// The mean number of runnable threads in the minute before.
    pub(super) load: f64,
    /// Whether the processor says that it belongs to a hypervisor.
    pub(super) is_virtual: bool,
    /// Whether the kernel compiles BPF programs.
    pub(super) jit: bool,
}

impl Machine {
    pub(super) fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let line = |key: &str| {
            let mut lines = cpuinfo.lines().filter(|line| line.starts_with(key));
            let value = lines.next().and_then(|line| line.split_once(':'));
            value.map(|(_key, value)| value.trim().to_owned())
        };
        let flags = line("flags").unwrap_or_default();
        let clock = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let load = read("/proc/loadavg");
        let load = load.split_whitespace().next().map(str::parse);
        Self {
            kernel: uname().map_or_else(
                |_unknown| String::new(),
                |name| name.release().to_string_lossy().into_owned(),
            ),
            processor: line("model name").unwrap_or_default(),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            clock_source: read(clock).trim().to_owned(),
            load: load.and_then(Result::ok).unwrap_or_default(),
            is_virtual: flags.split(' ').any(|flag| flag == "hypervisor"),
            jit: read("/proc/sys/net/core/bpf_jit_enable").trim() != "0",
        }
    }
}
