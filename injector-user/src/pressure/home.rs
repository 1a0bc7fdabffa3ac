//! The cgroup of a crew that is to press the whole host.

use std::fs::File;
use std::os::fd::AsFd as _;

use thiserror::Error;

use super::fault::PressureError;
use crate::keeper::{Keeper, Mending, Registration, Undoing};
use crate::target::command::{CommandCgroup, CommandError};

/// In the undo log and in the keeper's charge, which removes it if the engine does not.
#[derive(Debug)]
pub(super) struct Home {
    cgroup: CommandCgroup,
    registration: Registration,
}

/// It is still there.
#[derive(Debug, Error)]
pub(super) enum Occupied {
    #[error("somebody runs in {path}")]
    Somebody { path: String },
    #[error(transparent)]
    Cgroup(#[from] CommandError),
}

impl Home {
    pub(super) fn of(cgroup: CommandCgroup, keeper: &Keeper) -> Result<Self, PressureError> {
        let opened = File::open(cgroup.path()).map_err(|source| PressureError::Enter {
            path: cgroup.path().to_owned(),
            source,
        });
        let registered = opened.and_then(|folder: File| {
            let undoing = Undoing {
                mending: Mending::Vacate,
                file: folder.as_fd(),
                recorded: cgroup.recorded(),
            };
            keeper.register(&undoing).map_err(PressureError::Register)
        });
        match registered {
            Ok(registration) => Ok(Self {
                cgroup,
                registration,
            }),
            Err(error) => {
                // The crew is still in it; the undo log has it.
                let _kept = cgroup.remove_if_empty();
                Err(error)
            }
        }
    }

    /// Removes it, when the crew has ended.
    pub(super) fn remove(self) -> Result<(), Occupied> {
        let Self {
            cgroup,
            registration,
        } = self;
        if let Some(cgroup) = cgroup.remove_if_empty()? {
            let path = cgroup.path().display().to_string();
            return Err(Occupied::Somebody { path });
        }
        // A keeper that has died holds nothing that would need releasing.
        drop(registration.release());
        Ok(())
    }
}
