//! Trying mechanisms out.

use std::collections::BTreeMap;

use injector_core::plan::{Capability, Entry, Mechanism};

use super::obstacle::{Obstacle, not_seen};
use super::privileges::Privileges;
use super::room::{Room, mount_of, sweep};
use super::stage::{Objects, Stage, apart};
use super::subject::Subject;
use super::syscalls::Way;
use super::verdict::{Finding, judge, with_causes};
use super::{
    answered, attributed, calls, connections, freeze, limit, packets, signal, sleeping, syscalls,
    throttle,
};
use crate::freezer::Flavour;
use crate::loader::Kernel;
use crate::pressure::{self, Trial};
use crate::safety::undo::UndoLog;

/// Whether this host can do `mechanism`, by doing it.
pub fn probe(mechanism: Mechanism) -> Capability {
    let found = probe_these(&[mechanism], None).remove(&mechanism);
    found
        .unwrap_or_else(|| Finding::unknown("it was not tried"))
        .capability
}

/// The same for every mechanism there is.
pub fn probe_all() -> BTreeMap<Mechanism, Capability> {
    let found = probe_these(Mechanism::ALL, None).into_iter();
    found
        .map(|(mechanism, finding)| (mechanism, finding.capability))
        .collect()
}

/// Tries `mechanisms` out, one after the other. Changes that no descriptor owns go to `log` first.
pub(super) fn probe_these(
    mechanisms: &[Mechanism],
    log: Option<&UndoLog>,
) -> BTreeMap<Mechanism, Finding> {
    let privileges = Privileges::read();
    let mut found = BTreeMap::new();
    let mut worth_trying = Vec::new();
    for mechanism in mechanisms {
        match foreseen(*mechanism, &privileges) {
            Some(finding) => {
                found.insert(*mechanism, finding);
            }
            None => worth_trying.push(*mechanism),
        }
    }
    if worth_trying.is_empty() {
        return found;
    }
    sweep();
    let tried = apart(|| try_all(&worth_trying, log, &privileges));
    let tried = tried.unwrap_or_else(|obstacle| {
        let finding = Finding::unknown(with_causes(&obstacle));
        worth_trying
            .iter()
            .map(|mechanism| (*mechanism, finding.clone()))
            .collect()
    });
    found.extend(tried);
    found
}

/// What can be said without a trial: what is not mounted is not there for anybody, and without
/// privilege a trial says nothing.
fn foreseen(mechanism: Mechanism, privileges: &Privileges) -> Option<Finding> {
    if let Some(flavour) = hierarchy_of(mechanism)
        && let Err(obstacle @ Obstacle::NotMounted(_)) = mount_of(flavour)
    {
        return Some(judge(&Err(obstacle), privileges));
    }
    if let Some(Err(obstacle @ Obstacle::NotMounted(_))) = limit::mount(mechanism) {
        return Some(judge(&Err(obstacle), privileges));
    }
    privileges.lacking().map(Finding::unknown)
}

/// Whose cgroups the mechanism acts on.
fn hierarchy_of(mechanism: Mechanism) -> Option<Flavour> {
    match mechanism {
        Mechanism::TcxLoss
        | Mechanism::TapDelay
        | Mechanism::TcxClone
        | Mechanism::TcxRewrite
        | Mechanism::TcxAnswer
        | Mechanism::SockDestroy
        | Mechanism::SyscallReturn
        | Mechanism::SyscallOverride
        | Mechanism::SecurityReturn
        | Mechanism::SecurityLsm
        | Mechanism::Uprobe
        | Mechanism::SyscallExit
        | Mechanism::SleepAtCall
        | Mechanism::SleepInLsm
        | Mechanism::SleepAtHook
        | Mechanism::SleepInTurn
        | Mechanism::SpinAtHook
        | Mechanism::SleepOnReturn
        | Mechanism::SleepAfter
        // Where there is none, it is tried without.
        | Mechanism::ForkTracking
        | Mechanism::Pidfd
        | Mechanism::CpuWorker
        | Mechanism::MemoryWorker
        | Mechanism::DiskWorker
        | Mechanism::FillWorker
        // They know better.
        | Mechanism::CpuV2
        | Mechanism::CpuV1
        | Mechanism::MemoryV2
        | Mechanism::MemoryV1 => None,
        Mechanism::FreezerV1 => Some(Flavour::V1),
        Mechanism::FreezerV2
        | Mechanism::SocketLookup
        | Mechanism::SocketStorage
        | Mechanism::CgroupSock
        | Mechanism::CgroupOption
        | Mechanism::IoV2
        | Mechanism::Seccomp => Some(Flavour::V2),
    }
}

/// On a thread that nobody needs in its old network namespace.
fn try_all(
    mechanisms: &[Mechanism],
    log: Option<&UndoLog>,
    privileges: &Privileges,
) -> BTreeMap<Mechanism, Finding> {
    let mut objects = Objects::default();
    let stage = Stage::set();
    let try_one = |mechanism: &Mechanism| {
        let trial = match &stage {
            Ok(stage) => try_out(*mechanism, stage, &mut objects, log),
            Err(obstacle) => return (*mechanism, Finding::unknown(with_causes(obstacle))),
        };
        (*mechanism, judge(&trial, privileges))
    };
    mechanisms.iter().map(try_one).collect()
}

fn try_out(
    mechanism: Mechanism,
    stage: &Stage,
    objects: &mut Objects,
    log: Option<&UndoLog>,
) -> Result<(), Obstacle> {
    match mechanism {
        Mechanism::TcxLoss => packets::tcx(stage, objects.kernel()?),
        Mechanism::TapDelay => packets::tap_line(stage, objects.kernel()?),
        Mechanism::SocketLookup => in_room(log, objects.kernel()?, |room, subject, kernel| {
            attributed::lookup(stage, room, subject, kernel)
        }),
        Mechanism::SocketStorage => in_room(log, objects.kernel()?, |room, subject, kernel| {
            attributed::storage(stage, room, subject, kernel)
        }),
        Mechanism::TcxClone => packets::copied(stage, objects.kernel()?),
        Mechanism::TcxRewrite => packets::rewritten(stage, objects.kernel()?),
        Mechanism::TcxAnswer => packets::answered(stage, objects.kernel()?),
        Mechanism::SockDestroy => connections::reset(),
        Mechanism::CgroupSock => in_room(log, objects.kernel()?, calls::cgroup_sock),
        Mechanism::CgroupOption => in_room(log, objects.kernel()?, calls::cgroup_option),
        Mechanism::ForkTracking => following(log, objects),
        Mechanism::SyscallReturn
        | Mechanism::SyscallOverride
        | Mechanism::SecurityReturn
        | Mechanism::SecurityLsm => {
            let mut ways = WAYS.into_iter();
            match ways.find(|way| way.mechanism == mechanism) {
                Some(way) => failing(way, objects),
                None => not_seen("it was not tried"),
            }
        }
        Mechanism::Uprobe => syscalls::instructions(&Subject::fork()?, objects.kernel()?),
        Mechanism::SyscallExit => ended(objects),
        Mechanism::SleepAtCall
        | Mechanism::SleepInLsm
        | Mechanism::SleepAtHook
        | Mechanism::SleepInTurn
        | Mechanism::SpinAtHook
        | Mechanism::SleepOnReturn
        | Mechanism::SleepAfter => sleeping::slow(mechanism, &Subject::fork()?, objects.kernel()?),
        Mechanism::FreezerV2 => frozen(Flavour::V2, log),
        Mechanism::FreezerV1 => frozen(Flavour::V1, log),
        Mechanism::Pidfd => signal::pidfd(&Subject::fork()?),
        Mechanism::Seccomp => answering(log),
        Mechanism::CpuWorker => Ok(pressure::try_out(Trial::Cpu)?),
        Mechanism::MemoryWorker => Ok(pressure::try_out(Trial::Memory)?),
        Mechanism::DiskWorker => Ok(pressure::try_out(Trial::Disk)?),
        Mechanism::FillWorker => Ok(pressure::try_out(Trial::Fill)?),
        Mechanism::CpuV2 | Mechanism::CpuV1 | Mechanism::MemoryV2 | Mechanism::MemoryV1 => {
            limit::limited(mechanism, log)
        }
        Mechanism::IoV2 => throttle::throttled(log),
    }
}

/// The ways to make `getpgid` fail: at what it is called in the kernel, and at its security hook.
const WAYS: [Way; 4] = [
    way(Mechanism::SyscallReturn, Entry::Return, "__x64_sys_getpgid"),
    way(
        Mechanism::SyscallOverride,
        Entry::Override,
        "__x64_sys_getpgid",
    ),
    way(
        Mechanism::SecurityReturn,
        Entry::Return,
        "security_task_getpgid",
    ),
    way(Mechanism::SecurityLsm, Entry::Lsm, "security_task_getpgid"),
];

const fn way(mechanism: Mechanism, entry: Entry, function: &'static str) -> Way {
    Way {
        mechanism,
        entry,
        function,
    }
}

fn failing(way: Way, objects: &mut Objects) -> Result<(), Obstacle> {
    syscalls::failing(way, &Subject::fork()?, objects.kernel()?)
}

fn ended(objects: &mut Objects) -> Result<(), Obstacle> {
    syscalls::ended(&Subject::fork()?, objects.kernel()?)
}

/// Children are followed for faults of socket calls, which need a cgroup, and of system calls.
fn following(log: Option<&UndoLog>, objects: &mut Objects) -> Result<(), Obstacle> {
    let obstacle = match mount_of(Flavour::V2) {
        Err(not_mounted) => not_mounted,
        Ok(_) => match in_room(log, objects.kernel()?, calls::fork_tracking) {
            // Not even the parent's calls could be made to fail there.
            Err(needs @ Obstacle::Needs(_)) => needs,
            tried => return tried,
        },
    };
    // The reason of the preferred way is told.
    ended(objects).map_err(|_other| obstacle)
}

fn in_room(
    log: Option<&UndoLog>,
    kernel: &mut Kernel,
    trial: impl FnOnce(&Room, &Subject, &mut Kernel) -> Result<(), Obstacle>,
) -> Result<(), Obstacle> {
    let room = Room::make(Flavour::V2, log)?;
    // Ended before the room is removed.
    let subject = Subject::fork()?;
    room.enter(&subject)?;
    trial(&room, &subject, kernel)
}

/// In a cgroup of its own, as every command is that is started for a fault.
fn answering(log: Option<&UndoLog>) -> Result<(), Obstacle> {
    let room = Room::make(Flavour::V2, log)?;
    let subject = Subject::fork()?;
    room.enter(&subject)?;
    answered::seccomp(&subject)
}

fn frozen(flavour: Flavour, log: Option<&UndoLog>) -> Result<(), Obstacle> {
    let room = Room::make(flavour, log)?;
    let subject = Subject::fork()?;
    room.enter(&subject)?;
    freeze::freezer(flavour, &room, &subject, log)
}
