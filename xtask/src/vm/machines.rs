//! Which guests there are: kernels, and ways in which hosts with one kernel differ.

use crate::vm::kernels::{RELEASES, Release};

/// The kernel that most tests and all variants are tried with.
const COMMON: &str = "6.12";

/// The kernels before 6.6.
const FILTERED: [&str; 2] = ["5.10", "6.1"];

/// A guest to start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    pub(crate) release: Release,
    pub(crate) variant: Variant,
}

/// How a guest is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    /// How cgroups are mounted: a word that the guest's first process knows.
    pub(crate) cgroups: &'static str,
    /// More for the kernel's command line.
    pub(crate) append: &'static str,
    /// Groups of tests that it could make a difference to; all if none is named.
    pub(crate) groups: &'static [&'static str],
}

/// As most distributions do.
pub(crate) const PLAIN: Variant = Variant {
    name: "plain",
    cgroups: "v2",
    append: "",
    groups: &[],
};

/// Each is tried with one kernel.
pub(crate) const VARIANTS: &[Variant] = &[
    Variant {
        name: "no-bpf-lsm",
        append: "lsm=lockdown,yama,apparmor",
        groups: &["vm", "doctor", "syscall.error"],
        ..PLAIN
    },
    Variant {
        name: "cgroup-v1",
        cgroups: "v1",
        groups: &[
            "vm",
            "doctor",
            "net.duplicate",
            "sock.error",
            "process.freeze",
            "process.signal",
        ],
        ..PLAIN
    },
    Variant {
        name: "hybrid",
        cgroups: "hybrid",
        groups: &["doctor", "process.freeze"],
        ..PLAIN
    },
    Variant {
        name: "lockdown",
        append: "lockdown=integrity",
        groups: &["vm", "doctor", "sock.error", "syscall.error"],
        ..PLAIN
    },
];

impl Variant {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut all = [PLAIN].iter().chain(VARIANTS);
        all.find(|variant| variant.name == name).copied()
    }
}

impl Machine {
    pub(crate) fn name(self) -> String {
        let Self { release, variant } = self;
        if variant == PLAIN {
            release.name.to_owned()
        } else {
            format!("{} {}", release.name, variant.name)
        }
    }

    /// Whether interfaces take programs only by way of a filter.
    pub(crate) fn hangs_filters(self) -> bool {
        FILTERED.contains(&self.release.name)
    }

    /// Whether it gets the tests that others do not.
    pub(crate) fn is_tried_thoroughly(self) -> bool {
        self.release.name == COMMON && self.variant == PLAIN
    }
}

/// All of them, the one that takes longest first.
pub(crate) fn machines() -> Vec<Machine> {
    let plain = RELEASES.iter().map(|release| Machine {
        release: *release,
        variant: PLAIN,
    });
    let common = RELEASES.iter().filter(|release| release.name == COMMON);
    let varied = common.flat_map(|release| {
        VARIANTS.iter().map(|variant| Machine {
            release: *release,
            variant: *variant,
        })
    });
    let mut machines: Vec<_> = plain.chain(varied).collect();
    machines.sort_by_key(|machine| !machine.is_tried_thoroughly());
    machines
}
