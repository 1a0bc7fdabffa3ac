//! What the kernel counts of a cgroup under a limit.

use std::fs;
use std::path::{Path, PathBuf};

use crate::pulses::Strain;
use crate::target::{controller_folder, members};

/// The files with its counters. What cannot be read has counted nothing.
#[derive(Debug)]
pub(super) struct Meter {
    folder: PathBuf,
    /// Where the time is counted in version 1, often in a hierarchy of its own.
    usage: PathBuf,
    /// Which disk's row of `io.stat`; empty if none is limited.
    disk: String,
}

impl Meter {
    pub(super) fn of(folder: &Path, disk: &str) -> Self {
        let own = folder.join("cpuacct.usage");
        let usage = if own.exists() {
            own
        } else {
            same_elsewhere(folder).unwrap_or(own)
        };
        Self {
            folder: folder.to_owned(),
            usage,
            disk: disk.to_owned(),
        }
    }

    pub(super) fn read(&self) -> Strain {
        let cpu = self.rows("cpu.stat");
        let events = self.rows("memory.events");
        let usage = fs::read_to_string(&self.usage).ok();
        let usage_ns: Option<u64> = usage.and_then(|text| text.trim_end().parse().ok());
        let failures = fs::read_to_string(self.folder.join("memory.failcnt")).ok();
        let failures: Option<u64> = failures.and_then(|text| text.trim_end().parse().ok());
        let oom = self.rows("memory.oom_control");
        let disk = self.disk_row();
        let disk = |name| value(&disk, name).unwrap_or_default();
        Strain {
            used_us: row(&cpu, "usage_usec")
                .or(usage_ns.map(|ns| ns / 1_000))
                .unwrap_or_default(),
            throttled_periods: row(&cpu, "nr_throttled").unwrap_or_default(),
            throttled_us: row(&cpu, "throttled_usec")
                .or(row(&cpu, "throttled_time").map(|ns| ns / 1_000))
                .unwrap_or_default(),
            high: row(&events, "high").unwrap_or_default(),
            max: row(&events, "max").or(failures).unwrap_or_default(),
            oom: row(&events, "oom").unwrap_or_default(),
            oom_kill: row(&events, "oom_kill")
                .or(row(&oom, "oom_kill"))
                .unwrap_or_default(),
            read_bytes: disk("rbytes"),
            written_bytes: disk("wbytes"),
            reads: disk("rios"),
            writes: disk("wios"),
        }
    }

    fn rows(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap_or_default()
    }

    /// What the kernel has counted of the disk: what passed the limit, not what waits at it.
    fn disk_row(&self) -> String {
        if self.disk.is_empty() {
            return String::new();
        }
        let rows = self.rows("io.stat");
        let of_it = |line: &str| {
            Some(
                line.strip_prefix(&*self.disk)?
                    .strip_prefix(' ')?
                    .to_owned(),
            )
        };
        rows.lines().find_map(of_it).unwrap_or_default()
    }
}

/// Of words such as `rbytes=4096`.
fn value(row: &str, name: &str) -> Option<u64> {
    let mut values = row.split(' ').filter_map(|word| word.split_once('='));
    values.find(|(key, _)| *key == name)?.1.parse().ok()
}

fn row(text: &str, name: &str) -> Option<u64> {
    let mut rows = text.lines().filter_map(|line| line.split_once(' '));
    rows.find(|(key, _)| *key == name)?.1.parse().ok()
}

/// The cgroup of the same path that counts processor time, if it holds the same processes.
fn same_elsewhere(folder: &Path) -> Option<PathBuf> {
    let other = controller_folder(folder, "cpuacct")?;
    let same = members(folder).ok()? == members(&other).ok()?;
    same.then(|| other.join("cpuacct.usage"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Meter;

    #[test]
    fn either_version_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file, text| fs::write(folder.path().join(file), text).unwrap();
        let meter = Meter::of(folder.path(), "");
        assert_eq!(meter.read(), crate::pulses::Strain::default());
        write(
            "cpu.stat",
            "usage_usec 9\nnr_throttled 2\nthrottled_usec 7\n",
        );
        write("memory.events", "low 0\nhigh 3\nmax 4\noom 5\noom_kill 6\n");
        let read = meter.read();
        assert_eq!(
            (read.used_us, read.throttled_us, read.throttled_periods),
            (9, 7, 2)
        );
        assert_eq!((read.high, read.max, read.oom, read.oom_kill), (3, 4, 5, 6));
        write(
            "cpu.stat",
            "nr_periods 9\nnr_throttled 2\nthrottled_time 7000\n",
        );
        write("cpuacct.usage", "9000\n");
        write("memory.events", "");
        write("memory.failcnt", "4\n");
        write(
            "memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 6\n",
        );
        let read = meter.read();
        assert_eq!(
            (read.used_us, read.throttled_us, read.throttled_periods),
            (9, 7, 2)
        );
        assert_eq!((read.high, read.max, read.oom, read.oom_kill), (0, 4, 0, 6));
    }

    #[test]
    fn of_a_disk_its_own_row_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let stat = "18:0 rbytes=1 wbytes=1 rios=1 wios=1\n\
                    8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n";
        fs::write(folder.path().join("io.stat"), stat).unwrap();
        let read = |disk| {
            let read = Meter::of(folder.path(), disk).read();
            [read.read_bytes, read.written_bytes, read.reads, read.writes]
        };
        assert_eq!(read("8:0"), [4096, 8192, 1, 2]);
        assert_eq!(read("8:16"), [0; 4]);
        assert_eq!(read(""), [0; 4]);
    }
}
