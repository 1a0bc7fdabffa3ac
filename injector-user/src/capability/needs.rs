//! Which mechanisms a fault may need, and what follows for the fault from what is known of them.

use std::collections::BTreeMap;

use injector_core::fault::Kind;
use injector_core::plan::{Capability, CapabilityState, Mechanism};

/// What a fault does with a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The fault works if this works, or another of this use.
    Main,
    /// Likewise, for what is asked in these words.
    Either(&'static str),
    /// Only this is lost without it.
    For(&'static str),
}

/// Every mechanism that a plan for `kind` can name, in the order of preference.
pub fn uses(kind: Kind) -> &'static [(Mechanism, Use)] {
    match kind {
        Kind::NetLoss => &[
            (Mechanism::TcxLoss, Use::Main),
            ARRIVING,
            BY_PROCESS,
            FOLLOWED,
        ],
        Kind::NetDelay | Kind::NetRate => &[
            (Mechanism::TapDelay, Use::Main),
            ARRIVING,
            BY_PROCESS,
            FOLLOWED,
        ],
        Kind::NetDuplicate => &[
            (Mechanism::TcxClone, Use::Main),
            ARRIVING,
            BY_PROCESS,
            FOLLOWED,
        ],
        Kind::NetCorrupt => &[
            (Mechanism::TapDelay, Use::Main),
            (Mechanism::TcxRewrite, Use::For("`how: silent`")),
            ARRIVING,
            BY_PROCESS,
            FOLLOWED,
        ],
        Kind::NetPartition => &[
            (Mechanism::TcxLoss, Use::Main),
            ARRIVING,
            BY_PROCESS,
            FOLLOWED,
            (
                Mechanism::TcxAnswer,
                Use::For("`how: reset` and `how: reject`"),
            ),
            (
                Mechanism::SockDestroy,
                Use::For("`how: reset` of open connections"),
            ),
        ],
        Kind::SockError => &[(Mechanism::CgroupSock, Use::Main), CHILDREN],
        Kind::SyscallError
        | Kind::ProcessFdLimit
        | Kind::ProcessForkError
        | Kind::DiskError
        | Kind::DiskFull
        | Kind::DiskReadonly => OF_CALLS,
        Kind::SyscallDelay => OF_DELAYS,
        Kind::DiskSlow => OF_SLOW_DISKS,
        Kind::ProcessCrash => OF_CRASHES,
        Kind::MemoryError => &[
            (Mechanism::SecurityReturn, Use::Main),
            (Mechanism::Seccomp, Use::Main),
            CHILDREN,
        ],
        Kind::ProcessFreeze => &[
            (Mechanism::FreezerV2, Use::Main),
            (Mechanism::FreezerV1, Use::Main),
        ],
        Kind::CpuLimit => &[(Mechanism::CpuV2, Use::Main), (Mechanism::CpuV1, Use::Main)],
        Kind::MemoryLimit => &[
            (Mechanism::MemoryV2, Use::Main),
            (Mechanism::MemoryV1, Use::Main),
        ],
        Kind::ProcessSignal => &[(Mechanism::Pidfd, Use::Main)],
        Kind::CpuStress => &[(Mechanism::CpuWorker, Use::Main)],
        Kind::MemoryStress => &[(Mechanism::MemoryWorker, Use::Main)],
        Kind::DiskStress => &[(Mechanism::DiskWorker, Use::Main)],
        Kind::DiskFill => &[(Mechanism::FillWorker, Use::Main)],
    }
}

/// What makes calls fail.
const OF_CALLS: &[(Mechanism, Use)] = &[
    (Mechanism::SyscallReturn, Use::Main),
    (Mechanism::SyscallOverride, Use::Main),
    (Mechanism::SecurityReturn, Use::Main),
    (Mechanism::SecurityLsm, Use::Main),
    (Mechanism::CgroupSock, Use::For(OF_SOCKETS)),
    (Mechanism::CgroupOption, Use::For(OF_OPTIONS)),
    (Mechanism::Uprobe, Use::Main),
    (Mechanism::Seccomp, Use::Main),
    CHILDREN,
];
const OF_CRASHES: &[(Mechanism, Use)] = &[
    (Mechanism::SyscallReturn, Use::Main),
    (Mechanism::SyscallOverride, Use::Main),
    (Mechanism::SecurityReturn, Use::Main),
    (Mechanism::SecurityLsm, Use::Main),
    (Mechanism::Seccomp, Use::Main),
    (Mechanism::SyscallExit, Use::For("`moment: after`")),
    CHILDREN,
];

const OF_DELAYS: &[(Mechanism, Use)] = &[
    (Mechanism::SleepAtCall, Use::Main),
    (Mechanism::SleepInLsm, Use::Main),
    (Mechanism::SleepAtHook, Use::Main),
    (Mechanism::SleepInTurn, Use::Main),
    (Mechanism::Seccomp, Use::Main),
    SHORT,
    (Mechanism::SleepOnReturn, Use::For("`moment: after`")),
    (
        Mechanism::SleepAfter,
        Use::For("`moment: after`, while every call of the host costs more"),
    ),
    CHILDREN,
];

/// Callers that are kept busy.
const SHORT: (Mechanism, Use) = (Mechanism::SpinAtHook, Use::For("`latency` up to 100us"));

/// Whether before a call or after it does not matter.
const OF_SLOW_DISKS: &[(Mechanism, Use)] = &[
    (Mechanism::SleepAtCall, Use::Main),
    (Mechanism::SleepInLsm, Use::Main),
    (Mechanism::SleepAtHook, Use::Main),
    (Mechanism::SleepOnReturn, Use::Main),
    (Mechanism::SleepAfter, Use::Main),
    (Mechanism::SleepInTurn, Use::Main),
    (Mechanism::Seccomp, Use::Main),
    SHORT,
    (
        Mechanism::IoV2,
        Use::Either("`read_bps`, `write_bps`, `read_iops`, `write_iops`"),
    ),
    CHILDREN,
];

/// What faults of packets need for a target that shares its network namespace.
const ARRIVING: (Mechanism, Use) = (
    Mechanism::SocketLookup,
    Use::For("incoming packets of a target that shares its network namespace"),
);
const BY_PROCESS: (Mechanism, Use) = (
    Mechanism::SocketStorage,
    Use::For("processes that share their network namespace with others"),
);
const CHILDREN: (Mechanism, Use) = (
    Mechanism::ForkTracking,
    Use::For("processes that share their cgroup with others"),
);
const FOLLOWED: (Mechanism, Use) = (
    Mechanism::ForkTracking,
    Use::For("processes that share their network namespace with others"),
);

/// What of `syscall.error` needs them where nothing better is there.
const OF_SOCKETS: &str = "`connect`, `bind`, `socket`, `sendto`, `sendmsg`";
const OF_OPTIONS: &str = "`setsockopt`, `getsockopt`";

/// What is known of the fault as a whole: the best of its main mechanisms.
pub fn of_fault(kind: Kind, known: &BTreeMap<Mechanism, Capability>) -> Capability {
    let is_main = |used| matches!(used, Use::Main | Use::Either(_));
    let main = uses(kind).iter().filter(|(_, used)| is_main(*used));
    let best = main
        .filter_map(|(mechanism, _)| known.get(mechanism))
        .min_by_key(|capability| rank(capability.state));
    best.cloned().unwrap_or_else(|| Capability {
        state: CapabilityState::Unknown,
        reason: "it was not tried".to_owned(),
    })
}

/// What can still be hoped for counts for more than what cannot.
fn rank(state: CapabilityState) -> u8 {
    match state {
        CapabilityState::Supported => 0,
        CapabilityState::Unknown => 1,
        CapabilityState::RefusedByPolicy => 2,
        CapabilityState::Unsupported => 3,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use injector_core::fault::Kind;
    use injector_core::plan::{Capability, CapabilityState, Mechanism};

    use super::{of_fault, uses};

    #[test]
    fn every_mechanism_is_of_use_to_some_fault() {
        let used = Kind::ALL.iter().flat_map(|kind| uses(*kind));
        let used: BTreeSet<Mechanism> = used.map(|(mechanism, _)| *mechanism).collect();
        assert_eq!(used, Mechanism::ALL.iter().copied().collect());
    }

    #[track_caller]
    fn check(kind: Kind, known: &[(Mechanism, CapabilityState)], expected: CapabilityState) {
        let known: BTreeMap<Mechanism, Capability> = known
            .iter()
            .map(|(mechanism, state)| {
                let reason = mechanism.to_string();
                (
                    *mechanism,
                    Capability {
                        state: *state,
                        reason,
                    },
                )
            })
            .collect();
        assert_eq!(of_fault(kind, &known).state, expected);
    }

    #[test]
    fn a_fault_is_as_able_as_the_best_of_its_main_mechanisms() {
        use CapabilityState::{RefusedByPolicy, Supported, Unknown, Unsupported};
        use Mechanism::{FreezerV1, FreezerV2, SocketLookup, TcxLoss};
        let freeze = Kind::ProcessFreeze;
        check(
            freeze,
            &[(FreezerV2, Unsupported), (FreezerV1, Supported)],
            Supported,
        );
        check(
            freeze,
            &[(FreezerV2, RefusedByPolicy), (FreezerV1, Unknown)],
            Unknown,
        );
        check(freeze, &[(FreezerV2, Unsupported)], Unsupported);
        let extra = [(TcxLoss, Supported), (SocketLookup, Unsupported)];
        check(Kind::NetLoss, &extra, Supported);
        check(Kind::NetLoss, &[(SocketLookup, Supported)], Unknown);
        let halves = [
            (Mechanism::SleepAtCall, Unsupported),
            (Mechanism::IoV2, Supported),
        ];
        check(Kind::DiskSlow, &halves, Supported);
    }
}
