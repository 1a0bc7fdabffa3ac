//! Ways in which hosts with one kernel differ.

/// How a guest is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    /// How cgroups are mounted: a word that the guest's first process knows.
    pub(crate) cgroups: &'static str,
    /// More for the kernel's command line.
    pub(crate) append: &'static str,
}

/// As most distributions do.
pub(crate) const PLAIN: Variant = Variant {
    name: "plain",
    cgroups: "v2",
    append: "",
};

/// Each is tried with one kernel.
pub(crate) const VARIANTS: &[Variant] = &[
    Variant {
        name: "no-bpf-lsm",
        append: "lsm=lockdown,yama,apparmor",
        ..PLAIN
    },
    Variant {
        name: "cgroup-v1",
        cgroups: "v1",
        ..PLAIN
    },
    Variant {
        name: "hybrid",
        cgroups: "hybrid",
        ..PLAIN
    },
    Variant {
        name: "lockdown",
        append: "lockdown=integrity",
        ..PLAIN
    },
];

impl Variant {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut all = [PLAIN].iter().chain(VARIANTS);
        all.find(|variant| variant.name == name).copied()
    }
}
