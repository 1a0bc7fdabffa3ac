//! What a pulse imposes on a cgroup.

use std::fmt;
use std::io;
use std::ops::Add;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::freezer::FreezerError;
use crate::keeper::Mending;
use crate::limits::LimitError;
use crate::safety::Permit;
use crate::safety::undo::Effect;
use crate::target::members;

/// Something that a cgroup's files impose and lift, held open: a cgroup made anew under the same path is
/// another one.
pub trait Condition: fmt::Debug + Send {
    /// Refuses a cgroup on which somebody else has imposed the like, that is empty, or that holds a
    /// process which is not a target. To be called just before the first pulse.
    fn vet(&self, is_target: &dyn Fn(i32) -> bool) -> Result<(), ConditionError>;

    /// Asks the kernel for it; [`Condition::standing`] tells when it is so. Asking again is harmless.
    fn impose(&self, permit: &Permit) -> Result<(), ConditionError>;

    /// Takes it back, unless somebody else has changed it since.
    fn lift(&self) -> Result<(), ConditionError>;

    /// How far the kernel is.
    fn standing(&self) -> Result<Standing, ConditionError>;

    /// Whether what we imposed is still asked for; after lifting it this tells whether that took.
    fn is_imposed(&self) -> Result<bool, ConditionError>;

    /// How others undo it: recovery, and the keeper.
    fn undoing(&self) -> (Effect, Mending);

    /// What the keeper reads beside the entry of the undo log, if anything.
    fn list(&self) -> Option<Vec<u8>> {
        None
    }

    /// The file that the keeper writes to, open for reading and writing.
    fn control(&self) -> BorrowedFd<'_>;

    /// How long the kernel may take for [`Condition::impose`].
    fn patience(&self) -> Duration {
        Duration::ZERO
    }

    /// What the kernel has counted of the cgroup so far.
    fn strain(&self) -> Strain {
        Strain::default()
    }
}

/// How far a condition is from being lifted or in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Lifted,
    /// Asked for; the kernel has not got as far yet.
    Coming,
    InForce,
}

/// What a cgroup meets with under a limit, as the kernel counts it; what it does not count is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Strain {
    /// Processor time used.
    pub used_us: u64,
    /// Periods in which the quota was used up, and how long those waited who wanted more.
    pub throttled_periods: u64,
    pub throttled_us: u64,
    /// How often memory was taken back because of `memory.high`, and because of the maximum.
    pub high: u64,
    pub max: u64,
    /// How often the OOM killer was called, and how many it killed.
    pub oom: u64,
    pub oom_kill: u64,
    /// What passed the limit to and from a disk.
    pub read_bytes: u64,
    pub written_bytes: u64,
    pub reads: u64,
    pub writes: u64,
}

impl Strain {
    fn zip(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            used_us: of(self.used_us, other.used_us),
            throttled_periods: of(self.throttled_periods, other.throttled_periods),
            throttled_us: of(self.throttled_us, other.throttled_us),
            high: of(self.high, other.high),
            max: of(self.max, other.max),
            oom: of(self.oom, other.oom),
            oom_kill: of(self.oom_kill, other.oom_kill),
            read_bytes: of(self.read_bytes, other.read_bytes),
            written_bytes: of(self.written_bytes, other.written_bytes),
            reads: of(self.reads, other.reads),
            writes: of(self.writes, other.writes),
        }
    }

    /// What has been counted since `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        self.zip(before, u64::saturating_sub)
    }
}

impl Add for Strain {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }
}

/// A condition cannot be imposed, looked at or lifted.
#[derive(Debug, Error)]
pub enum ConditionError {
    #[error(transparent)]
    Freezer(#[from] FreezerError),
    #[error(transparent)]
    Limit(#[from] LimitError),
}

impl ConditionError {
    /// Whether the cgroup has vanished, so that nothing can be imposed any more.
    pub fn has_vanished(&self) -> bool {
        match self {
            Self::Freezer(error) => error.has_vanished(),
            Self::Limit(error) => error.has_vanished(),
        }
    }

    /// Whether nobody is in the cgroup.
    pub fn is_empty(&self) -> bool {
        matches!(
            self,
            Self::Freezer(FreezerError::Unfit(Unfit::Empty { .. }))
                | Self::Limit(LimitError::Unfit(Unfit::Empty { .. }))
        )
    }
}

/// Who is in a cgroup does not allow it.
#[derive(Debug, Error)]
pub enum Unfit {
    #[error("{} has no processes", path.display())]
    Empty { path: PathBuf },
    #[error("{} also holds processes that are not targets: {}", path.display(), list(pids))]
    Strangers { path: PathBuf, pids: Vec<i32> },
    #[error("failed to read who is in {}", path.display())]
    Members {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Unfit {
    pub fn has_vanished(&self) -> bool {
        match self {
            Self::Members { source, .. } => crate::target::has_vanished(source),
            Self::Empty { .. } | Self::Strangers { .. } => false,
        }
    }
}

/// Refuses a cgroup that is empty, or that holds a process which is not a target.
pub fn vet_members(path: &Path, is_target: &dyn Fn(i32) -> bool) -> Result<(), Unfit> {
    let path = || path.to_owned();
    let members = members(&path()).map_err(|source| Unfit::Members {
        path: path(),
        source,
    })?;
    if members.is_empty() {
        return Err(Unfit::Empty { path: path() });
    }
    let strangers: Vec<i32> = members.into_iter().filter(|&pid| !is_target(pid)).collect();
    if strangers.is_empty() {
        Ok(())
    } else {
        let (path, pids) = (path(), strangers);
        Err(Unfit::Strangers { path, pids })
    }
}

fn list(pids: &[i32]) -> String {
    const SHOWN: usize = 8;
    let text: Vec<String> = pids.iter().take(SHOWN).map(i32::to_string).collect();
    match pids.len().saturating_sub(SHOWN) {
        0 => text.join(", "),
        more => format!("{} and {more} more", text.join(", ")),
    }
}
