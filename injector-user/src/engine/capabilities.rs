//! What this host can do, as far as a fault may need it.

use std::collections::BTreeMap;

use injector_core::fault::limit::Of;
use injector_core::fault::syscall::Backend;
use injector_core::fault::{Action, FaultSpec};
use injector_core::plan::{Capability, Mechanism};

use super::state::Engine;
use crate::capability::uses;
use crate::clock::monotonic_ns;

impl Engine {
    /// What is known of the mechanisms that a fault may need; tried out if nothing is.
    pub(super) fn capabilities_of(&mut self, spec: &FaultSpec) -> BTreeMap<Mechanism, Capability> {
        let needed = needed(spec);
        if self.faults.is_empty() || self.capabilities.know(&needed) {
            return self.capabilities.these(&needed);
        }
        let mut found = BTreeMap::new();
        for mechanism in needed {
            // A trial takes a moment, in which the loop that moves the lease does not turn.
            self.renew_lease(monotonic_ns());
            found.extend(self.capabilities.these(&[mechanism]));
        }
        found
    }
}

/// What a fault may need: of several ways to do it only the one that it names, as what is refused is
/// tried again each time.
fn needed(spec: &FaultSpec) -> Vec<Mechanism> {
    let failing = spec.action.failing();
    let backend = failing.and_then(|failing| failing.backend);
    let all = uses(spec.kind()).iter().map(|(mechanism, _)| *mechanism);
    // The halves of `disk.slow` have nothing in common.
    let rates = matches!(&spec.action, Action::Limit(limit) if matches!(limit.of, Of::Disk(_)));
    all.filter(|mechanism| (*mechanism == Mechanism::IoV2) == rates)
        .filter(|mechanism| {
            *mechanism == Mechanism::ForkTracking
                || backend.is_none_or(|named| is_of(named, *mechanism))
        })
        .collect()
}

fn is_of(backend: Backend, mechanism: Mechanism) -> bool {
    match backend {
        Backend::FmodRet => [Mechanism::SyscallReturn, Mechanism::SleepAtCall].contains(&mechanism),
        Backend::FmodRetSleeping => mechanism == Mechanism::SleepInTurn,
        Backend::Kprobe => mechanism == Mechanism::SyscallOverride,
        Backend::Security => {
            [Mechanism::SecurityReturn, Mechanism::SleepAtHook].contains(&mechanism)
        }
        Backend::Lsm => [Mechanism::SecurityLsm, Mechanism::SleepInLsm].contains(&mechanism),
        Backend::Cgroup => [Mechanism::CgroupSock, Mechanism::CgroupOption].contains(&mechanism),
        Backend::Uprobe => mechanism == Mechanism::Uprobe,
        Backend::Seccomp => mechanism == Mechanism::Seccomp,
        Backend::Spin => mechanism == Mechanism::SpinAtHook,
        Backend::Fexit => mechanism == Mechanism::SleepOnReturn,
        Backend::SysExit => mechanism == Mechanism::SleepAfter,
    }
}

#[cfg(test)]
mod tests {
    use injector_core::fault::{Given, Kind};
    use injector_core::plan::Mechanism;

    use super::needed;

    fn check(more: &[(&str, &str)], expected: &[Mechanism]) {
        let basic = [
            ("target", "pid:1"),
            ("duration", "1s"),
            ("syscalls", "connect"),
            ("errno", "EIO"),
        ];
        let given = basic.iter().chain(more);
        let given = given.map(|(name, text)| ((*name).to_owned(), Given::flag(name, *text)));
        let spec = injector_core::fault::parse(Kind::SyscallError, &given.collect()).unwrap();
        assert_eq!(needed(&spec), expected);
    }

    #[test]
    fn of_the_ways_only_the_one_that_is_named_is_needed() {
        let children = Mechanism::ForkTracking;
        check(&[("backend", "seccomp")], &[Mechanism::Seccomp, children]);
        check(&[("backend", "lsm")], &[Mechanism::SecurityLsm, children]);
        let all = [
            Mechanism::SyscallReturn,
            Mechanism::SyscallOverride,
            Mechanism::SecurityReturn,
            Mechanism::SecurityLsm,
            Mechanism::CgroupSock,
            Mechanism::CgroupOption,
            Mechanism::Uprobe,
            Mechanism::Seccomp,
            children,
        ];
        let cgroup = [Mechanism::CgroupSock, Mechanism::CgroupOption, children];
        check(&[("backend", "cgroup")], &cgroup);
        check(&[], &all);
    }
}
