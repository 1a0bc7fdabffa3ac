//! A cgroup whose settings can be narrowed, with somebody in it who may want more than he is given.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_core::plan::Hierarchy;
use injector_user::target::{Mount, Mounts, controller_folder};
use nix::sys::stat::{major, minor};
use rustix::process::{Pid, setpriority_process};
use tempfile::TempDir;

use crate::{Victim, tell, wait_until};

/// Longer than some periods, on a machine that is busy with others.
const WINDOW: Duration = Duration::from_millis(700);

/// Long enough for what a process of [`DISK_DEED`] writes where nobody limits it, and much shorter than it takes
/// under [`SLOW`].
const DISK_WINDOW: Duration = Duration::from_secs(3);

/// Where guests have a disk.
const DISK: &str = "/disk";

/// A sixteenth of what [`DISK_DEED`] writes, each second.
const SLOW: &[(&str, &str)] = &[("path", DISK), ("write_bps", "64KiB")];

/// Sixteen times past the page cache, so that it is the process itself that waits.
const DISK_DEED: [u32; 2] = [64, 16];

/// Made where this kind of fault can act; removed with this value.
#[derive(Debug)]
pub struct Pen {
    kind: Kind,
    is_v1: bool,
    folders: Vec<PathBuf>,
    /// Where a controller had to be enabled for cgroups, and its name.
    enabled: Option<(PathBuf, String)>,
    victim: Option<Victim>,
    /// On a disk, for faults of disks.
    scratch: Option<TempDir>,
    /// Keeps a processor busy that nobody else wants: a guest's clock skips what its processors wait for, so that a disk
    /// would seem to take as long as a limit.
    busy: Option<Greedy>,
}

impl Pen {
    /// Makes `temblor-test-PID-NAME` in the hierarchy with the kind's controller, version 2 first, and
    /// puts somebody in.
    pub fn make(kind: Kind, name: &str) -> Result<Self> {
        let [controller, v1] = match kind {
            // Of version 2 alone.
            Kind::DiskSlow => ["io", ""],
            kind => kind.controllers().context("a fault of settings")?,
        };
        let on_disk = (kind == Kind::DiskSlow).then(|| tempfile::tempdir_in(DISK));
        let scratch = on_disk.transpose().context("a folder on a disk")?;
        let mounts = Mounts::read()?;
        let v2 = mounts.get(&Hierarchy::V2);
        let v2 = v2.filter(|mount| names(&mount.point, "cgroup.controllers", controller));
        let mut all = mounts.iter();
        let old = all.find(|mount| mount.hierarchy.is_v1_of(v1));
        let mount = v2.or(old).context("a hierarchy with the controller")?;
        let is_v1 = v2.is_none();
        let enabled = if is_v1 {
            None
        } else {
            enable(mount, controller)?
        };
        let name = format!("temblor-test-{}-{name}", std::process::id());
        let folder = mount.point.join(name);
        let mut pen = Self {
            kind,
            is_v1,
            folders: vec![folder.clone()],
            enabled,
            victim: None,
            scratch,
            busy: None,
        };
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        // Where the time is counted, so that it is the target's alone.
        let counting = controller_folder(&folder, "cpuacct").filter(|other| *other != folder);
        if let (Some(counting), true) = (counting, is_v1 && kind == Kind::CpuLimit) {
            fs::create_dir(&counting).with_context(|| counting.display().to_string())?;
            pen.folders.push(counting);
        }
        let victim = Victim::start()?;
        pen.enter(victim.pid())?;
        pen.victim = Some(victim);
        if kind == Kind::DiskSlow {
            pen.busy = Some(idle_away()?);
        }
        Ok(pen)
    }

    /// Of the faults that can act on it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn folder(&self) -> &Path {
        &self.folders[0]
    }

    pub fn is_v1(&self) -> bool {
        self.is_v1
    }

    /// The path as in `/proc/PID/cgroup`; the hierarchy is mounted whole.
    pub fn path(&self) -> String {
        let name = self.folder().file_name().unwrap_or_default();
        format!("/{}", name.display())
    }

    /// As a target.
    pub fn target(&self) -> String {
        format!("cgroup:{}", self.path())
    }

    pub fn pid(&self) -> i32 {
        self.victim.as_ref().map_or(0, Victim::pid)
    }

    pub fn enter(&self, pid: i32) -> Result<()> {
        for folder in &self.folders {
            let procs = folder.join("cgroup.procs");
            fs::write(&procs, pid.to_string()).with_context(|| procs.display().to_string())?;
        }
        Ok(())
    }

    /// What asks for as much as can be felt, beside target and duration.
    pub fn tight(&self) -> &'static [(&'static str, &'static str)] {
        match self.kind {
            Kind::MemoryLimit if self.is_v1 => &[("size", "8MiB"), ("how", "kill")],
            Kind::MemoryLimit => &[("size", "8MiB")],
            Kind::DiskSlow => SLOW,
            _of_processors => &[("quota", "10%")],
        }
    }

    /// The file that changes, and what it shows.
    pub fn setting(&self) -> Result<String> {
        let file = match (self.kind, self.is_v1) {
            (Kind::MemoryLimit, true) => "memory.limit_in_bytes",
            (Kind::MemoryLimit, false) => "memory.high",
            (Kind::DiskSlow, _) => "io.max",
            (_, true) => "cpu.cfs_quota_us",
            (_, false) => "cpu.max",
        };
        self.read(file)
    }

    pub fn read(&self, file: &str) -> Result<String> {
        let path = self.folder().join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.trim_end().to_owned())
    }

    /// Starts somebody in it who wants all there is of that; ended with the result.
    pub fn want(&self) -> Result<Greedy> {
        if self.kind == Kind::DiskSlow {
            return self.write(DISK_DEED);
        }
        self.start(match self.kind {
            Kind::MemoryLimit => "exec dd if=/dev/zero of=/dev/null bs=32M count=4 2>/dev/null",
            _of_processors => "while :; do :; done",
        })
    }

    /// Starts somebody in it who holds eight megabytes, which the kernel counts there.
    pub fn hold(&self) -> Result<Greedy> {
        self.start("held=$(head -c 8000000 /dev/zero | tr '\\0' x); read nothing")
    }

    /// Starts somebody in it who writes pieces of so many KiB to a disk, so many times, as fast as he can.
    pub fn write(&self, [kib, count]: [u32; 2]) -> Result<Greedy> {
        let file = self.scratch()?.join("written");
        self.start(&format!(
            "exec dd if=/dev/zero of={} bs={kib}k count={count} oflag=direct conv=notrunc",
            file.display()
        ))
    }

    /// Starts somebody in it who reads what was written there.
    pub fn read_back(&self, [kib, count]: [u32; 2]) -> Result<Greedy> {
        let file = self.scratch()?.join("written");
        self.start(&format!(
            "exec dd if={} of=/dev/null bs={kib}k count={count} iflag=direct",
            file.display()
        ))
    }

    /// The disk that it has a folder on, as `io.max` names it.
    pub fn disk(&self) -> Result<String> {
        let device = fs::metadata(self.scratch()?)?.dev();
        Ok(format!("{}:{}", major(device), minor(device)))
    }

    fn scratch(&self) -> Result<&Path> {
        let scratch = self.scratch.as_ref().map(TempDir::path);
        scratch.context("a pen for faults of disks")
    }

    fn start(&self, deed: &str) -> Result<Greedy> {
        let enter: Vec<String> = self
            .folders
            .iter()
            .map(|folder| format!("echo $$ > {}/cgroup.procs", folder.display()))
            .collect();
        let script = format!("{} && {deed}", enter.join(" && "));
        let mut command = Command::new("sh");
        command.args(["-ec", &script]).stderr(Stdio::null());
        // What it waits for does not come.
        command.stdin(Stdio::piped());
        Ok(Greedy(command.spawn()?))
    }

    /// Whether somebody who wants more is held back.
    pub fn is_felt(&self) -> Result<bool> {
        if self.kind == Kind::DiskSlow {
            let mut greedy = self.want()?;
            let done = wait_until("who writes is done", DISK_WINDOW, || {
                greedy.is_done().is_ok_and(|done| done)
            });
            return Ok(done.is_err());
        }
        let before = self.counted()?;
        let _greedy = self.want()?;
        let felt = wait_until("somebody is held back", WINDOW, || {
            self.counted().is_ok_and(|now| now > before)
        });
        Ok(felt.is_ok())
    }

    /// How often the kernel has held somebody back.
    pub fn counted(&self) -> Result<u64> {
        let of = |text: &str, name: &str| {
            let mut rows = text.lines().filter_map(|line| line.split_once(' '));
            let found = rows.find(|(key, _)| *key == name);
            found.and_then(|(_, count)| count.parse::<u64>().ok())
        };
        Ok(match (self.kind, self.is_v1) {
            (Kind::MemoryLimit, true) => self.read("memory.failcnt")?.parse()?,
            (Kind::MemoryLimit, false) => {
                let events = self.read("memory.events")?;
                of(&events, "high").unwrap_or(0) + of(&events, "max").unwrap_or(0)
            }
            _of_processors => of(&self.read("cpu.stat")?, "nr_throttled").unwrap_or(0),
        })
    }
}

/// A process that takes what it can get; killed with this value.
#[derive(Debug)]
pub struct Greedy(Child);

impl Greedy {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap_or_default()
    }

    /// Whether it has had all it wanted.
    pub fn is_done(&mut self) -> Result<bool> {
        let Some(status) = self.0.try_wait()? else {
            return Ok(false);
        };
        ensure!(status.success(), "it ended with {status}");
        Ok(true)
    }
}

impl Drop for Greedy {
    fn drop(&mut self) {
        // It may have ended.
        let _ended = self.0.kill();
        let reaped = self.0.wait();
        assert!(std::thread::panicking() || reaped.is_ok(), "{reaped:?}");
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        drop(self.victim.take());
        drop(self.busy.take());
        for folder in &self.folders {
            let removed = wait_until("the pen is removed", Duration::from_secs(5), || {
                fs::remove_dir(folder).is_ok() || !folder.exists()
            });
            // Not a panic: it would hide why the test failed.
            if removed.is_err() {
                tell(&format!("{} stays", folder.display()));
            }
        }
        if let Some((file, controller)) = self.enabled.take() {
            // Somebody else may need it by now.
            let _kept = fs::write(file, format!("-{controller}"));
        }
    }
}

/// Starts somebody who uses a processor for as long as nobody else wants it.
fn idle_away() -> Result<Greedy> {
    let mut command = Command::new("sh");
    command.args(["-c", "while :; do :; done"]);
    let busy = Greedy(command.spawn()?);
    setpriority_process(Pid::from_raw(busy.pid()), 19)?;
    Ok(busy)
}

/// Enables a controller for the cgroups below the root, unless it is; where that was, if it was not.
fn enable(mount: &Mount, controller: &str) -> Result<Option<(PathBuf, String)>> {
    let file = "cgroup.subtree_control";
    if names(&mount.point, file, controller) {
        return Ok(None);
    }
    let path = mount.point.join(file);
    fs::write(&path, format!("+{controller}")).with_context(|| path.display().to_string())?;
    Ok(Some((path, controller.to_owned())))
}

fn names(folder: &Path, file: &str, controller: &str) -> bool {
    let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
    text.split_whitespace().any(|name| name == controller)
}
