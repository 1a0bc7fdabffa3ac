//! What can keep a trial from succeeding.

use std::io;
use std::path::PathBuf;

use injector_core::plan::Hierarchy;
use injector_core::problem::Problems;
use nix::errno::Errno;
use thiserror::Error;

use crate::freezer::FreezerError;
use crate::limits::LimitError;
use crate::loader::KernelError;
use crate::pressure::TrialError;
use crate::safety::undo::UndoError;

/// Why a mechanism was not seen at work. What follows from it is for [`super::verdict`] to say.
#[derive(Debug, Error)]
pub(super) enum Obstacle {
    #[error("{}", not_mounted(.0))]
    NotMounted(Hierarchy),
    #[error("{}", no_controller(controller, *is_v1))]
    NoController {
        controller: &'static str,
        is_v1: bool,
    },
    #[error("no file system on a disk is mounted where a file could be made")]
    NoDisk,
    #[error("failed to {action} for the trial")]
    Prepare {
        action: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("failed to make a throw-away cgroup in {}", path.display())]
    Cgroup {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to record the trial's cgroup")]
    Record(#[from] UndoError),
    #[error("the trial's fault does not parse: {0}")]
    Parse(Problems),
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(transparent)]
    Freezer(#[from] FreezerError),
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error("failed to reset a connection for the trial")]
    Reset(#[source] io::Error),
    /// Another mechanism that the trial needs is missing.
    #[error("it cannot be seen at work without `cgroup-sock`")]
    Needs(#[source] KernelError),
    #[error(transparent)]
    Pressure(#[from] TrialError),
    /// The kernel is known to lack it, without a trial.
    #[error("{0}")]
    Lacking(&'static str),
    /// The kernel took everything, and what was expected did not happen.
    #[error("{0}")]
    NotSeen(String),
}

pub(super) fn prepare(action: &'static str) -> impl Fn(io::Error) -> Obstacle {
    move |source| Obstacle::Prepare { action, source }
}

pub(super) fn prepare_errno(action: &'static str) -> impl Fn(Errno) -> Obstacle {
    move |errno| Obstacle::Prepare {
        action,
        source: errno.into(),
    }
}

pub(super) fn not_seen<T>(what: impl Into<String>) -> Result<T, Obstacle> {
    Err(Obstacle::NotSeen(what.into()))
}

fn no_controller(controller: &str, is_v1: bool) -> String {
    if is_v1 {
        format!("cgroups of the v1 {controller} hierarchy have no quota or limit")
    } else {
        format!(
            "cgroups below the root of v2 have no {controller} controller: cgroup.subtree_control does \
             not name it, or version 1 has it"
        )
    }
}

fn not_mounted(hierarchy: &Hierarchy) -> String {
    match hierarchy {
        Hierarchy::V2 => "no cgroup v2 is mounted".to_owned(),
        Hierarchy::V1Freezer => "no v1 freezer hierarchy is mounted".to_owned(),
        Hierarchy::V1Other(name) => format!("no v1 {name} hierarchy is mounted"),
    }
}
