//! The kernel itself throws the kill switch when this process dies.
//!
//! Attachments end with our descriptors, but the kernel closes those one after the other and waits
//! for a grace period at each: with many, the last one acts tens of milliseconds longer.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use injector_abi::{ENGINE_PID_MAGIC, PID_NAMESPACE_DEVICE_MAGIC, PID_NAMESPACE_INODE_MAGIC};

use super::object::{Object, ObjectError};
use super::program::{Link, LinkError, Program, Role};

/// Why nobody watches.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeathwatchError {
    #[error("failed to tell the engine's pid namespace")]
    Namespace(#[source] io::Error),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// Attached while it has begun.
#[derive(Debug, Default)]
pub(super) struct Deathwatch {
    link: Option<Link>,
    /// Kept for the next time.
    program: Option<Program>,
}

impl Deathwatch {
    pub(super) fn begin(&mut self, object: &Object) -> Result<(), DeathwatchError> {
        if self.link.is_some() {
            return Ok(());
        }
        let program = match self.program.take() {
            Some(program) => program,
            None => load(object)?,
        };
        let program = self.program.insert(program);
        self.link = Some(program.attach_to_tracepoint(c"sched_process_exit")?);
        Ok(())
    }

    pub(super) fn end(&mut self) {
        self.link = None;
    }
}

fn load(object: &Object) -> Result<Program, DeathwatchError> {
    let namespace = fs::metadata("/proc/self/ns/pid").map_err(DeathwatchError::Namespace)?;
    let word = |value: u64| {
        let too_wide = |source| DeathwatchError::Namespace(io::Error::other(source));
        u32::try_from(value).map_err(too_wide)
    };
    let constants = [
        (ENGINE_PID_MAGIC, std::process::id()),
        (PID_NAMESPACE_DEVICE_MAGIC, word(namespace.dev())?),
        (PID_NAMESPACE_INODE_MAGIC, word(namespace.ino())?),
    ];
    Ok(object.load("process_exit", Role::RawTracepoint, &constants)?)
}
