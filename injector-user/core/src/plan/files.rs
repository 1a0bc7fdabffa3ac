//! Files as the kernel tells them apart: by device and inode, whatever they are called.

use serde::{Deserialize, Serialize};

/// One file or directory, for as long as it exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId {
    pub major: u32,
    pub minor: u32,
    pub inode: u64,
}

/// The files that a path means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Files {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileId>,
    /// With everything below them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<FileId>,
}

impl Files {
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.directories.is_empty()
    }
}
