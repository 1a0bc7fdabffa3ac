//! One test of this kind at a time on the whole machine.

use std::fs::{File, OpenOptions};

use anyhow::{Context as _, Result};
use nix::fcntl::{Flock, FlockArg};

/// Held while this process may change the host's network, cgroups or kernel programs.
#[derive(Debug)]
pub struct Alone {
    _lock: Flock<File>,
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
    Ok(Alone {
        _lock: lock.map_err(|(_file, errno)| errno).context(path)?,
    })
}
