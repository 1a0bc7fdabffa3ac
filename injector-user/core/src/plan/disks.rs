//! Which disk holds what a path means.

use serde::{Deserialize, Serialize};

/// A whole disk, as partitions have no rates of their own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Disk {
    /// Major and minor number as `io.max` writes them: `8:0`.
    pub number: String,
    /// Such as `sda`.
    pub name: String,
}
