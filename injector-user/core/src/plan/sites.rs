//! Instructions from which programs make system calls.

use serde::{Deserialize, Serialize};

/// Places in one file, all of the same shape: an instruction that sets the number of the call, and
/// `syscall`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site {
    /// As the processes that have it mapped call it.
    pub path: String,
    /// To make sure that it is still the same file.
    pub device: u64,
    pub inode: u64,
    /// Which call is made there.
    pub number: Number,
    /// Bytes of both instructions.
    pub length: u8,
    /// From the beginning of the file.
    pub offsets: Vec<u64>,
}

/// Which call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Number {
    Call(u16),
    /// What this register says, by its position in `pt_regs`.
    Register(u8),
}

impl Site {
    /// Whether some place is in both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
            && self.offsets.iter().any(|one| other.offsets.contains(one))
    }
}
