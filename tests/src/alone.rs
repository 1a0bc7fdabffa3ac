//! One test of this kind at a time on the whole machine.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::fcntl::{Flock, FlockArg};

use crate::snapshot::programs_of_ours;
use crate::{tell, wait_until};

/// The kernel frees a program some time after nobody holds it any more.
const PATIENCE: Duration = Duration::from_secs(20);

/// Held while this process may change the host's network, cgroups or kernel programs.
///
/// Goes only when the programs have gone that were loaded meanwhile: whoever is next would take one
/// that the kernel is about to free for part of the host, and miss it.
#[derive(Debug)]
pub struct Alone {
    before: BTreeSet<u32>,
    _lock: Flock<File>,
}

impl Drop for Alone {
    fn drop(&mut self) {
        let mut left = BTreeSet::new();
        let gone = wait_until("the programs that were loaded are gone", PATIENCE, || {
            left = &programs_of_ours() - &self.before;
            left.is_empty()
        });
        if let Err(error) = gone {
            tell(&format!("{error:#}: {left:?}"));
        }
    }
}

/// Waits until no other test, demo or benchmark changes the host: a snapshot of the host would take
/// their changes for ours.
pub fn alone() -> Result<Alone> {
    let path = "/run/lock/temblor-tests.lock";
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .context(path)?;
    let lock = Flock::lock(file, FlockArg::LockExclusive);
    let lock = lock.map_err(|(_file, errno)| errno).context(path)?;
    Ok(Alone {
        before: programs_of_ours(),
        _lock: lock,
    })
}
