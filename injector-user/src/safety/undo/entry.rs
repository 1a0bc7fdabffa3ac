//! What an entry of the undo log says.

use std::fs;
use std::io;
use std::path::PathBuf;

use procfs::process::Process;
use serde::{Deserialize, Serialize};

use crate::freezer::Flavour;

/// One change that must be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Which boot of the host it was made in: no entry outlives a reboot.
    pub boot: String,
    pub maker: Maker,
    pub effect: Effect,
    pub cause: Cause,
    /// Seconds since 1970, for people to read.
    pub made_at: u64,
}

/// What is to be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Effect {
    /// A cgroup is being frozen.
    Thaw {
        freezer: Flavour,
        path: PathBuf,
        inode: u64,
    },
    /// A cgroup was made. Its number is unknown when it was recorded before it existed; the name is
    /// ours alone then.
    RemoveCgroup { path: PathBuf, inode: Option<u64> },
    /// Filters hang at interfaces of a network namespace: where, is in the list beside this entry, which
    /// grows.
    Unhang { netns: PathBuf, inode: u64 },
    /// Processes are being stopped: those in the list beside this entry, which grows.
    Continue,
    /// System calls of what runs in a cgroup wait for an answer, which a keeper gives once the engine
    /// has ended. Where neither is left, they fail for good, and whoever makes them has to end.
    Answer {
        path: PathBuf,
        inode: u64,
        keeper: Maker,
    },
    /// A process of ours uses something up.
    EndWorker { worker: Maker },
    /// A setting of a cgroup is being changed. It is put back where it still shows what we wrote.
    Restore {
        path: PathBuf,
        inode: u64,
        /// In the cgroup's folder.
        file: String,
        /// The row of it that is meant; empty where the whole file is.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        key: String,
        before: String,
        during: String,
    },
}

/// For which fault, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    pub fault: Option<String>,
    pub owner: Option<String>,
}

/// A process, such as the engine that made an entry. While it lives the entry is its own business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maker {
    pub pid: i32,
    /// Clock ticks since boot: with the pid it names one process.
    pub start_time: u64,
}

impl Effect {
    /// The word that file names of the undo log begin with.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Thaw { .. } => "thaw",
            Self::RemoveCgroup { .. } => "remove-cgroup",
            Self::Unhang { .. } => "unhang",
            Self::Continue => "continue",
            Self::Answer { .. } => "answer",
            Self::EndWorker { .. } => "end-worker",
            Self::Restore { .. } => "restore",
        }
    }
}

impl Maker {
    pub(super) fn myself() -> io::Result<Self> {
        Self::of(std::process::id().cast_signed())
    }

    /// The process that has this number now.
    pub fn of(pid: i32) -> io::Result<Self> {
        let stat = Process::new(pid).and_then(|process| process.stat());
        let stat = stat.map_err(io::Error::other)?;
        Ok(Self {
            pid: stat.pid,
            start_time: stat.starttime,
        })
    }

    pub(super) fn is_alive(self) -> bool {
        let stat = Process::new(self.pid).and_then(|process| process.stat());
        let ended = ['Z', 'X'];
        stat.is_ok_and(|stat| stat.starttime == self.start_time && !ended.contains(&stat.state))
    }
}

/// Which boot of the host this is.
pub(super) fn boot() -> io::Result<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(text.trim_end().to_owned())
}
