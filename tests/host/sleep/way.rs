//! The ways to let a caller sleep.

use anyhow::Result;
use injector_core::fault::Kind;
use injector_core::plan::{CapabilityState, Mechanism};
use temblor_tests::{Armed, Client, Engine, params};

use crate::doctor::{doctor, examine, states};

/// A way, and a call that takes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) mechanism: Mechanism,
    pub(crate) moment: &'static str,
    pub(crate) call: &'static str,
    /// A caller's name for the same call by hundreds of its threads.
    pub(super) by_many: &'static str,
    /// What of the shell's writing to a file takes this way.
    pub(super) of_the_shell: &'static str,
    /// What the call does to a file, as `disk.slow` says it.
    operation: &'static str,
    backend: &'static str,
    /// Whether hundreds can sleep at a time.
    pub(super) takes_many: bool,
}

const WAYS: [Way; 6] = [
    Way {
        mechanism: Mechanism::SleepAtCall,
        moment: "before",
        call: "fsync",
        by_many: "sync in many threads",
        of_the_shell: "write",
        operation: "sync",
        backend: "fmod-ret",
        takes_many: true,
    },
    Way {
        mechanism: Mechanism::SleepInLsm,
        moment: "before",
        call: "openat",
        by_many: "open in many threads",
        of_the_shell: "openat",
        operation: "open",
        backend: "lsm",
        takes_many: true,
    },
    Way {
        mechanism: Mechanism::SleepAtHook,
        moment: "before",
        call: "pwrite64",
        by_many: "write in many threads",
        of_the_shell: "write",
        operation: "write",
        backend: "security",
        takes_many: true,
    },
    Way {
        mechanism: Mechanism::SleepInTurn,
        moment: "before",
        call: "fsync",
        by_many: "sync in many threads",
        of_the_shell: "write",
        operation: "sync",
        backend: "fmod-ret-s",
        takes_many: false,
    },
    Way {
        mechanism: Mechanism::SleepOnReturn,
        backend: "fexit",
        ..AFTER
    },
    AFTER,
];

const AFTER: Way = Way {
    mechanism: Mechanism::SleepAfter,
    moment: "after",
    call: "fsync",
    by_many: "sync in many threads",
    of_the_shell: "write",
    operation: "sync",
    backend: "sys-exit",
    takes_many: true,
};

impl Way {
    /// That of this mechanism.
    pub(crate) fn of(mechanism: Mechanism) -> Self {
        let mut ways = WAYS.into_iter();
        ways.find(|way| way.mechanism == mechanism)
            .expect("each way to sleep has a call")
    }

    /// Those that the host says it has.
    pub(super) fn here(engine: &Engine) -> Result<Vec<Self>> {
        let arguments = ["--fault", "syscall.delay"];
        let (said, _code) = examine(doctor(engine.run_dir(), &arguments)?)?;
        let states = states(&said)?;
        let supported = |way: &Self| {
            let found = states.get(&way.mechanism);
            found.is_some_and(|(state, _)| *state == CapabilityState::Supported)
        };
        let ways: Vec<Self> = WAYS.into_iter().filter(supported).collect();
        assert!(!ways.is_empty(), "{said}");
        Ok(ways)
    }

    /// Arms `disk.slow` for what its call does to files where callers have theirs.
    pub(super) fn arm_disk(
        &self,
        client: &mut Client,
        target: &str,
        more: &[(&str, &str)],
    ) -> Result<Armed> {
        let folder = format!("{}/", std::env::temp_dir().display());
        let basic = [
            ("target", target),
            ("duration", "60s"),
            ("path", &folder),
            ("operation", self.operation),
        ];
        let given = basic.into_iter().chain(more.iter().copied());
        client.arm(Kind::DiskSlow, &params(given))
    }

    /// Arms a fault of its call.
    pub(crate) fn arm(
        &self,
        client: &mut Client,
        target: &str,
        more: &[(&str, &str)],
    ) -> Result<Armed> {
        self.arm_at(self.call, client, target, more)
    }

    /// The same of another call.
    pub(super) fn arm_at(
        &self,
        call: &str,
        client: &mut Client,
        target: &str,
        more: &[(&str, &str)],
    ) -> Result<Armed> {
        let basic = [
            ("target", target),
            ("duration", "60s"),
            ("syscalls", call),
            ("moment", self.moment),
            ("backend", self.backend),
        ];
        let given = basic.into_iter().chain(more.iter().copied());
        client.arm(Kind::SyscallDelay, &params(given))
    }
}
