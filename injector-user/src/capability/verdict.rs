//! What follows from a trial: the kernel's exact refusals are told from everybody else's.
//!
//! "Unsupported" is said only on an answer that the kernel gives for this reason alone. A refusal by
//! right says something about the host only if we hold the privilege; then it is somebody's policy.

use std::error::Error;
use std::io;

use injector_core::plan::{Capability, CapabilityState};
use nix::errno::Errno;

use super::obstacle::Obstacle;
use super::privileges::Privileges;
use crate::dormitory::DormitoryError;
use crate::filters::FilterError;
use crate::freezer::FreezerError;
use crate::loader::{BtfError, HookError, KernelError, MapsError, ObjectError, TrackingError};

/// What was found out about a mechanism.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) capability: Capability,
    /// Whether it holds for as long as this kernel runs.
    pub(super) lasting: bool,
}

/// At which step something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Map,
    Load,
    /// The verifier has spoken.
    Verify,
    Attach,
    /// The TAP device.
    Device,
    /// The driver that makes callers sleep.
    Beds,
    /// Looking for a function of the kernel.
    Function,
    /// Reading where fields lie in the kernel's structures.
    Types,
    /// Resetting somebody's connection.
    Reset,
    /// Making, entering or writing a cgroup.
    Cgroup,
    /// Something of the trial's own.
    Trial,
}

impl Finding {
    pub(super) fn supported() -> Self {
        Self {
            capability: Capability {
                state: CapabilityState::Supported,
                reason: String::new(),
            },
            lasting: true,
        }
    }

    pub(super) fn unknown(reason: impl Into<String>) -> Self {
        Self {
            capability: Capability {
                state: CapabilityState::Unknown,
                reason: reason.into(),
            },
            lasting: false,
        }
    }

    fn unsupported(reason: impl Into<String>, lasting: bool) -> Self {
        Self {
            capability: Capability {
                state: CapabilityState::Unsupported,
                reason: reason.into(),
            },
            lasting,
        }
    }

    fn refused(reason: impl Into<String>) -> Self {
        Self {
            capability: Capability {
                state: CapabilityState::RefusedByPolicy,
                reason: reason.into(),
            },
            lasting: false,
        }
    }
}

/// Judges one trial.
pub(super) fn judge(trial: &Result<(), Obstacle>, privileges: &Privileges) -> Finding {
    let obstacle = match trial {
        Ok(()) => return Finding::supported(),
        Err(obstacle) => obstacle,
    };
    let text = with_causes(obstacle);
    match obstacle {
        Obstacle::NotMounted(_) | Obstacle::NoController { .. } | Obstacle::NoDisk => {
            Finding::unsupported(text, false)
        }
        Obstacle::Lacking(_) => Finding::unsupported(text, true),
        Obstacle::Freezer(FreezerError::Root { .. }) => {
            Finding::unsupported("cgroups of this hierarchy have no freezer", true)
        }
        Obstacle::Kernel(error) => {
            let (step, refusal) = step_of(error);
            by_errno(step, errno_of(refusal), &text, privileges)
        }
        Obstacle::Reset(error) => by_errno(Step::Reset, errno_of(error), &text, privileges),
        Obstacle::Cgroup { .. } | Obstacle::Freezer(_) | Obstacle::Limit(_) => {
            by_errno(Step::Cgroup, errno_of(obstacle), &text, privileges)
        }
        Obstacle::Prepare { .. }
        | Obstacle::Record(_)
        | Obstacle::Parse(_)
        | Obstacle::Needs(_)
        | Obstacle::Pressure(_)
        | Obstacle::NotSeen(_) => match privileges.lacking() {
            Some(lacking) => Finding::unknown(lacking),
            None => Finding::unknown(text),
        },
    }
}

/// What a refusal with this errno says at this step; `text` is the whole story.
pub(super) fn by_errno(
    step: Step,
    errno: Option<Errno>,
    text: &str,
    privileges: &Privileges,
) -> Finding {
    let forbidden = matches!(errno, Some(Errno::EPERM | Errno::EACCES | Errno::EROFS));
    let kernel = |what: &str| Finding::unsupported(format!("this kernel {what} ({text})"), true);
    match (step, errno) {
        // Before the verifier's word: EACCES is one of its answers.
        (Step::Verify, Some(_)) if privileges.lacking().is_none() => {
            kernel("does not accept the program")
        }
        _ if forbidden => match privileges.lacking() {
            Some(lacking) => Finding::unknown(lacking),
            None => Finding::refused(text),
        },
        (Step::Map | Step::Load | Step::Attach, Some(Errno::ENOSYS)) => kernel("has no bpf(2)"),
        (Step::Map, Some(Errno::EINVAL)) => kernel("has no such kind of map"),
        (Step::Load, Some(Errno::EINVAL)) => kernel("has no such kind of program"),
        (Step::Attach, Some(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ENOENT)) => {
            kernel("has no such place to attach to")
        }
        (Step::Function, _) => kernel("has no such function"),
        // An option of its build.
        (Step::Reset, Some(Errno::EOPNOTSUPP)) => kernel("resets no connections on demand"),
        (Step::Types, Some(Errno::ENOENT)) => kernel("has no type information (BTF)"),
        // The module may be loaded, or the device node made, at any time.
        (Step::Device, Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO)) => {
            Finding::unsupported(format!("there is no TUN/TAP driver ({text})"), false)
        }
        // As above.
        (Step::Beds, Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO)) => {
            Finding::unsupported(format!("there is no FUSE driver ({text})"), false)
        }
        _ => Finding::unknown(text),
    }
}

/// Where an error of the loader happened, and the error that holds the errno.
fn step_of(error: &KernelError) -> (Step, &(dyn Error + 'static)) {
    match error {
        KernelError::Maps(error) => (step_of_maps(error), error),
        KernelError::Object(error) => (step_of_object(error), error),
        KernelError::Hook(hook) => match hook {
            HookError::Object(error) => (step_of_object(error), error),
            HookError::Link(error) => (Step::Attach, error),
            HookError::Body(_)
            | HookError::Filter(FilterError::Qdisc { .. } | FilterError::Filter { .. }) => {
                (Step::Attach, hook)
            }
            HookError::NoFunction(_) => (Step::Function, hook),
            HookError::Functions(error) => (step_of_types(error), error),
            HookError::Open { .. }
            | HookError::Changed(_)
            | HookError::Replaced(_)
            | HookError::Full
            | HookError::Enter { .. }
            | HookError::NoCgroup(_)
            | HookError::NoInterface
            | HookError::Filter(_)
            | HookError::Map(_) => (Step::Trial, hook),
        },
        KernelError::Fields(error) => (step_of_types(error), error),
        KernelError::Tap(error) => (Step::Device, error),
        KernelError::Dormitory(error @ DormitoryError::Device(_)) => (Step::Beds, error),
        KernelError::Dormitory(error) => (Step::Trial, error),
        KernelError::Tracking(tracking) => match tracking {
            TrackingError::Offsets(error) => (step_of_types(error), error),
            TrackingError::Object(error) => (step_of_object(error), error),
            TrackingError::Link(error) => (Step::Attach, error),
        },
        KernelError::Sockets(error) => (Step::Trial, error),
        KernelError::Map(_)
        | KernelError::Line(_)
        | KernelError::Full
        | KernelError::NoLine
        | KernelError::Processors(_) => (Step::Trial, error),
    }
}

fn step_of_types(error: &BtfError) -> Step {
    match error {
        BtfError::Read(_) => Step::Types,
        BtfError::NoMember(_) | BtfError::Malformed => Step::Trial,
    }
}

fn step_of_maps(error: &MapsError) -> Step {
    match error {
        MapsError::Create { .. } => Step::Map,
        MapsError::Open { .. } | MapsError::Missing(_) | MapsError::Type { .. } => Step::Trial,
    }
}

fn step_of_object(error: &ObjectError) -> Step {
    match error {
        ObjectError::Maps(error) => step_of_maps(error),
        ObjectError::Load(error) if error.log.is_empty() => Step::Load,
        ObjectError::Load(_) => Step::Verify,
        // Type information is accepted by every kernel that has programs of ours.
        ObjectError::Types { .. } => Step::Load,
        ObjectError::NoFunction(_) => Step::Function,
        ObjectError::Functions(error) => step_of_types(error),
        ObjectError::Parse { .. }
        | ObjectError::Relocate { .. }
        | ObjectError::Empty
        | ObjectError::NoProgram(_) => Step::Trial,
    }
}

/// The errno at the bottom of an error.
fn errno_of(error: &(dyn Error + 'static)) -> Option<Errno> {
    let mut next = Some(error);
    while let Some(error) = next {
        let raw = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::raw_os_error);
        if raw.is_some() {
            return raw.map(Errno::from_raw);
        }
        // The loader's crate and nix have errors of their own around the same numbers.
        if let Some(errno) = error.downcast_ref::<Errno>() {
            return Some(*errno);
        }
        next = error.source();
    }
    None
}

/// An error and its causes in one line.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let more = source.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = source.source();
    }
    text
}
