//! One guest, from its start to its end.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{
    exec::Step,
    vm::{
        emulator::Emulator,
        initramfs,
        kernels::Kernel,
        machines::Variant,
        report::Report,
        transcript::Transcript,
        trouble::{indented, trouble},
    },
};

/// The machine: two processors, no firmware tables that nobody reads, nothing that is probed in vain.
/// Without ERMS and FSRM a kernel copies and clears by words instead of by bytes, which an emulator
/// does one by one: reading a sysctl is three times as fast. Without SMAP it goes to a caller's memory
/// and back without two instructions that an emulator stops at, which makes a tenth.
const MACHINE: &[&str] = &[
    "-cpu",
    "max,erms=off,fsrm=off,smap=off",
    "-smp",
    "2",
    "-m",
    "1024",
    "-M",
    "q35,usb=off,hpet=off,vmport=off,smbus=off,sata=off",
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-no-reboot",
    "-monitor",
    "none",
];

/// The kernel's command line: nothing that costs an emulated processor time, and stalls are stalls
/// only after a minute, as the processors' own host is busy with other things.
const APPEND: &str = "panic=-1 reboot=t mitigations=off nokaslr tsc=reliable no_timer_check \
    init_on_alloc=0 rcupdate.rcu_expedited=1 rcupdate.rcu_cpu_stall_timeout=60 random.trust_cpu=1 \
    cryptomgr.notests=1 audit=0 rdinit=/init";

/// For tests: the guest's clock counts instructions, two nanoseconds each, and skips what it would
/// wait for. To the guest its processors are as fast as real ones, however busy their host is, so
/// leases and deadlines mean what they say, and waiting takes no time.
const COUNTED: &[&str] = &[
    "-accel",
    "tcg,thread=single",
    "-icount",
    "shift=1,sleep=off",
];

/// Nothing is ever written to the image. What a guest's `fsync` waits for is not the host's disk.
const DRIVE: &str = "if=none,id=disk,format=raw,snapshot=on,cache=unsafe";

/// For people: the clock is theirs, and the processors run in parallel.
const PARALLEL: &[&str] = &["-accel", "tcg,thread=multi"];

/// What a guest is started with.
#[derive(Clone, Debug)]
pub(crate) struct Guest<'a> {
    pub(crate) emulator: &'a Emulator,
    pub(crate) kernel: &'a Kernel,
    pub(crate) variant: Variant,
    /// The part of the first file system that all guests have.
    pub(crate) base: &'a [u8],
    /// What it has at `/disk`, and may write to for as long as it lives.
    pub(crate) disk: Option<&'a Path>,
    /// Where its files and logs go.
    pub(crate) folder: PathBuf,
}

/// A guest that is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) report: Report,
    pub(crate) took: Duration,
    /// What was wrong beside tests that failed: the kernel's own words, or that it hung.
    pub(crate) trouble: Option<String>,
}

impl Guest<'_> {
    /// Runs steps, and passes on each line that is said; a guest that takes longer is killed.
    pub(crate) fn run(
        &self,
        steps: &Value,
        limit: Duration,
        mut line: impl FnMut(&str),
    ) -> Result<Ended> {
        let console = self.folder.join("console.log");
        self.prepare(steps, "/dev/ttyS1")?;
        self.keep("console.log", &[])?;
        let kernel = format!("file:{}", console.display());
        let step = self.step(COUNTED, "loglevel=5")?;
        let step = step.args(["-serial", &kernel, "-serial", "stdio"]);
        let mut transcript = Transcript::to(self.create("report.log")?);
        let begun = Instant::now();
        let status = step.watch(limit, |said| {
            transcript.hear(said);
            line(said);
        })?;
        let took = begun.elapsed();
        transcript.finish().context("write what the guest says")?;
        let Transcript { report, words, .. } = transcript;
        if let Some(doctor) = &report.doctor {
            self.keep("doctor.json", doctor.as_bytes())?;
        }
        let log = fs::read(&console).with_context(|| format!("read {}", console.display()))?;
        let log = String::from_utf8_lossy(&log);
        let unfinished = match status {
            Some(_) if report.ended => None,
            Some(status) => Some(format!("ended with {status}")),
            None => Some(format!("hung for {limit:?}")),
        };
        let unfinished = unfinished.map(|how| last_words(&how, &words, &log));
        Ok(Ended {
            report,
            took,
            trouble: trouble(&log).or(unfinished),
        })
    }

    /// A prompt on the caller's terminal, until it is left.
    pub(crate) fn shell(&self, steps: &Value) -> Result<()> {
        self.prepare(steps, "/dev/ttyS0")?;
        let step = self.step(PARALLEL, "loglevel=4")?;
        step.args(["-serial", "mon:stdio"]).run()
    }

    fn prepare(&self, steps: &Value, port: &str) -> Result<()> {
        let folder = &self.folder;
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let order = serde_json::json!({
            "port": port,
            "cgroups": self.variant.cgroups,
            "disk": self.disk.is_some(),
            "steps": steps,
        });
        let mut bytes = self.base.to_vec();
        bytes.extend(initramfs::for_guest(self.kernel, order)?);
        self.keep("initrd", &bytes)
    }

    fn step(&self, accelerator: &[&str], level: &str) -> Result<Step> {
        let append = format!("console=ttyS0 {level} {APPEND} {}", self.variant.append);
        let step = self.emulator.step()?.args(accelerator).args(MACHINE);
        let step = match self.disk {
            Some(disk) => step
                .arg("-drive")
                .arg(format!("{DRIVE},file={}", disk.display()))
                .args(["-device", "virtio-blk-pci,drive=disk"]),
            None => step,
        };
        Ok(step
            .arg("-kernel")
            .arg(self.kernel.image())
            .arg("-initrd")
            .arg(self.folder.join("initrd"))
            .args(["-append", append.trim_end()]))
    }

    fn keep(&self, name: &str, content: &[u8]) -> Result<()> {
        let written = self.create(name)?.write_all(content);
        written.with_context(|| format!("write {name} to {}", self.folder.display()))
    }

    /// A file of its own, anew rather than over the old one, which may be read by a guest that is
    /// still alive.
    fn create(&self, name: &str) -> Result<File> {
        let path = self.folder.join(name);
        let about = || format!("make {}", path.display());
        if path.exists() {
            fs::remove_file(&path).with_context(about)?;
        }
        File::create(&path).with_context(about)
    }
}

/// How it ended, and what it said before.
fn last_words(how: &str, words: &str, log: &str) -> String {
    let last = |text: &str| {
        let lines: Vec<_> = text.lines().collect();
        let begin = lines.len().saturating_sub(20);
        indented(&lines[begin..])
    };
    format!(
        "    the guest {how}; it last said:\n{}    its kernel last said:\n{}",
        last(words),
        last(log)
    )
}
