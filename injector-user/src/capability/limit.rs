//! Trials of the settings that limit a cgroup: a process that wants more than it may have, and is seen to
//! get no more.

use std::fs;
use std::time::Duration;

use injector_core::plan::{Hierarchy, Mechanism};

use super::obstacle::{Obstacle, not_seen};
use super::room::{Room, mount_where, pause};
use super::subject::{PATIENCE, Subject};
use super::wire::Request;
use crate::clock::monotonic_ns;
use crate::limits::{Limiter, Place};
use crate::pulses::{Condition as _, ConditionError, Standing, Strain};
use crate::safety::permit_housekeeping;
use crate::safety::undo::UndoLog;
use crate::target::Mount;

/// A setting to try out.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// Whose setting it is; the name is the same in both versions.
    controller: &'static str,
    is_v1: bool,
    file: &'static str,
    /// What it shows in a new cgroup.
    before: &'static str,
    during: &'static str,
    /// What makes its process want more than that.
    request: Request,
    /// What the kernel counts then.
    counted: fn(Strain) -> u64,
}

/// One hundredth of a processor, and more than that.
const QUOTA: Trial = Trial {
    controller: "cpu",
    is_v1: false,
    file: "cpu.max",
    before: "max 100000",
    during: "1000 100000",
    request: Request::Spin { milliseconds: 120 },
    counted: |strain| strain.throttled_periods,
};

/// A megabyte, and a little more: who is far beyond `memory.high` is held back for seconds. That `memory.max`
/// calls the OOM killer is not tried: with `vm.panic_on_oom` at 2 it would end the host.
const SIZE: Trial = Trial {
    controller: "memory",
    is_v1: false,
    file: "memory.high",
    before: "max",
    during: "1048576",
    request: Request::Touch { pages: 300 },
    counted: |strain| strain.high,
};

const TRIALS: [(Mechanism, Trial); 4] = [
    (Mechanism::CpuV2, QUOTA),
    (
        Mechanism::CpuV1,
        Trial {
            is_v1: true,
            file: "cpu.cfs_quota_us",
            before: "-1",
            during: "1000",
            ..QUOTA
        },
    ),
    (Mechanism::MemoryV2, SIZE),
    (
        Mechanism::MemoryV1,
        Trial {
            is_v1: true,
            file: "memory.limit_in_bytes",
            before: "9223372036854771712",
            counted: |strain| strain.max,
            ..SIZE
        },
    ),
];

/// Where version 1 lets a process wait for memory instead of killing it.
const OOM_CONTROL: &str = "memory.oom_control";

/// Where the setting would be, if there is such a hierarchy.
pub(super) fn mount(mechanism: Mechanism) -> Option<Result<Mount, Obstacle>> {
    let (_, trial) = TRIALS.into_iter().find(|(one, _)| *one == mechanism)?;
    let wanted = |hierarchy: &Hierarchy| match hierarchy {
        Hierarchy::V2 => !trial.is_v1,
        other => trial.is_v1 && other.is_v1_of(trial.controller),
    };
    let hierarchy = if trial.is_v1 {
        Hierarchy::V1Other(trial.controller.to_owned())
    } else {
        Hierarchy::V2
    };
    Some(mount_where(hierarchy, wanted))
}

/// Whether cgroups below the root of version 2 have this controller.
pub(super) fn is_enabled(mount: &Mount, controller: &str) -> bool {
    let enabled = fs::read_to_string(mount.point.join("cgroup.subtree_control"));
    enabled.is_ok_and(|names| names.split_whitespace().any(|name| name == controller))
}

/// Limits a cgroup, has its process want more, and lets it have that again.
pub(super) fn limited(mechanism: Mechanism, log: Option<&UndoLog>) -> Result<(), Obstacle> {
    let trial = TRIALS.into_iter().find(|(one, _)| *one == mechanism);
    let (Some((_, trial)), Some(mount)) = (trial, mount(mechanism)) else {
        return not_seen("it was not tried");
    };
    let mount = mount?;
    let none = || Obstacle::NoController {
        controller: trial.controller,
        is_v1: trial.is_v1,
    };
    if !trial.is_v1 && !is_enabled(&mount, trial.controller) {
        return Err(none());
    }
    let room = Room::make_in(mount, log)?;
    // Ended before the room is removed.
    let subject = Subject::fork()?;
    let folder = room.folder();
    if !folder.join(trial.file).exists() {
        return Err(none());
    }
    if folder.join(OOM_CONTROL).exists() {
        let waits = fs::write(folder.join(OOM_CONTROL), "1");
        waits.map_err(super::obstacle::prepare("let a process wait for memory"))?;
    }
    room.enter(&subject)?;
    let limiter = Limiter::open(Place {
        folder: folder.to_owned(),
        inode: room.id()?,
        file: trial.file.to_owned(),
        key: String::new(),
        before: trial.before.to_owned(),
        during: trial.during.to_owned(),
    })?;
    see(&limiter, &subject, &trial)
}

fn see(limiter: &Limiter, subject: &Subject, trial: &Trial) -> Result<(), Obstacle> {
    let before = limiter.strain();
    limiter.vet(&|pid| pid == subject.pid())?;
    limiter.impose(&permit_housekeeping())?;
    subject.tell(trial.request)?;
    let deadline = monotonic_ns() + u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
    while (trial.counted)(limiter.strain().since(before)) == 0 {
        if monotonic_ns() > deadline {
            return not_seen(
                "a process wanted more than its cgroup might have, and was not held back",
            );
        }
        pause();
    }
    limiter.lift()?;
    match limiter.standing()? {
        Standing::Lifted => Ok(()),
        Standing::Coming | Standing::InForce => {
            not_seen("a limit was taken back and is still there")
        }
    }
}

/// Some periods, on a machine that is busy with others.
const LONGEST: Duration = PATIENCE.saturating_mul(3);

impl From<ConditionError> for Obstacle {
    fn from(error: ConditionError) -> Self {
        match error {
            ConditionError::Freezer(error) => Self::Freezer(error),
            ConditionError::Limit(error) => Self::Limit(error),
        }
    }
}
