//! Which system calls can be made to fail or to take longer, each by itself.

use super::ways;
use crate::fault::syscall::{Moment, Syscall};
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

/// A system call, and by what it can be made to take longer on a host: before it is made, and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    pub syscall: Syscall,
    pub before: Option<Mechanism>,
    pub after: Option<Mechanism>,
}

/// All system calls, by their names; `inventory` has the capabilities and functions.
pub fn coverage(inventory: &Inventory) -> Vec<Coverage> {
    every()
        .into_iter()
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

/// The same of calls that take longer; `inventory` has what those depend on.
pub fn delays(inventory: &Inventory) -> Vec<Delays> {
    let by = |syscall, moment| ways::with_a_delay(inventory, syscall, moment).ok();
    every()
        .into_iter()
        .map(|syscall| Delays {
            syscall,
            before: by(syscall, Moment::Before),
            after: by(syscall, Moment::After),
        })
        .collect()
}

fn every() -> Vec<Syscall> {
    let mut all: Vec<Syscall> = Syscall::every()
        .filter(|syscall| syscall.never().is_none())
        .collect();
    all.sort_by_key(|syscall| syscall.name());
    all
}
