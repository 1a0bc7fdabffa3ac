//! Which system calls can be made to fail, each by itself.

use super::ways;
use crate::fault::syscall::Syscall;
use crate::plan::decision::Mechanism;
use crate::plan::inventory::Inventory;

/// A system call, and by what it can be made to fail on a host or why it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    pub syscall: Syscall,
    pub by: Result<Mechanism, Vec<String>>,
    /// Which of these calls fail by that, where not all do.
    pub only: Option<&'static str>,
}

/// All system calls, by their names; `inventory` has the capabilities and functions.
pub fn coverage(inventory: &Inventory) -> Vec<Coverage> {
    let mut all: Vec<Syscall> = Syscall::every()
        .filter(|syscall| syscall.never().is_none())
        .collect();
    all.sort_by_key(|syscall| syscall.name());
    all.into_iter()
        .map(|syscall| {
            let by = ways::with_an_error(inventory, syscall);
            let only = by.as_ref().ok();
            Coverage {
                syscall,
                only: only.and_then(|by| ways::only(*by, syscall)),
                by,
            }
        })
        .collect()
}
