//! What a fault of pressure may use up, as the engine found it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Only what the fault is about; nothing for other faults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Supplies {
    /// Processors that are online.
    pub processors: u32,
    /// The host's, by `/proc/meminfo`.
    pub memory: Option<Memory>,
    /// Of the target's cgroups, by their paths, where they or what holds them have a limit of memory.
    pub limits: BTreeMap<String, Memory>,
    /// Where the fault's folder is, for each who would see it.
    pub file_systems: Vec<FileSystem>,
}

impl Supplies {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// In bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    pub total: u64,
    pub available: u64,
}

/// The file system of a folder, in bytes, as `statvfs` says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystem {
    /// In whose root the folder was looked up; none for the engine's own.
    pub seen_by: Option<i32>,
    /// Tells file systems apart.
    pub device: u64,
    pub total: u64,
    /// Not used by anybody.
    pub free: u64,
    /// Of that, what those may use who are not root.
    pub available: u64,
    /// It is made of memory, as tmpfs is.
    pub is_memory: bool,
    /// The host itself needs room on it: it holds `/`, or what Temblor writes while it runs.
    pub is_needed: bool,
    /// Why nothing can be made there.
    pub problem: Option<String>,
}
