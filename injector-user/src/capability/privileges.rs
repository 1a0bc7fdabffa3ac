//! What this process may do, as far as Temblor needs it.

use nix::unistd::geteuid;
use procfs::process::Process;
use serde::Serialize;

/// Capabilities, in the sense of capabilities(7), that the engine needs, and their bits.
const NEEDED: [(&str, u32); 7] = [
    ("CAP_KILL", 5),
    ("CAP_NET_ADMIN", 12),
    ("CAP_SYS_PTRACE", 19),
    ("CAP_SYS_ADMIN", 21),
    ("CAP_SYS_RESOURCE", 24),
    ("CAP_PERFMON", 38),
    ("CAP_BPF", 39),
];

/// Without these no trial says anything.
const DECISIVE: [&str; 4] = ["CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_PERFMON", "CAP_BPF"];

/// Stands in for these two, which exist since Linux 5.8.
const SYS_ADMIN: u32 = 21;
const SINCE_5_8: [u32; 2] = [38, 39];

/// What this process may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Privileges {
    pub root: bool,
    /// Of those that the engine needs.
    pub held: Vec<&'static str>,
    pub missing: Vec<&'static str>,
}

impl Privileges {
    /// Of this process; one that cannot be read has none.
    pub fn read() -> Self {
        let status = Process::myself().and_then(|process| process.status());
        Self::of(
            geteuid().is_root(),
            status.map_or(0, |status| status.capeff),
        )
    }

    fn of(root: bool, effective: u64) -> Self {
        let has = |bit: u32| effective & 1 << bit != 0;
        let (held, missing) = NEEDED.iter().partition::<Vec<_>, _>(|(_, bit)| {
            has(*bit) || SINCE_5_8.contains(bit) && has(SYS_ADMIN)
        });
        let names = |all: Vec<(&'static str, u32)>| all.into_iter().map(|(name, _)| name).collect();
        Self {
            root,
            held: names(held),
            missing: names(missing),
        }
    }

    /// What keeps a refusal from saying anything about the host; none if nothing does.
    pub(super) fn lacking(&self) -> Option<String> {
        if !self.root {
            return Some("needs root".to_owned());
        }
        let decisive = self.missing.iter().filter(|name| DECISIVE.contains(name));
        let decisive: Vec<&str> = decisive.copied().collect();
        (!decisive.is_empty()).then(|| format!("needs {}", decisive.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::Privileges;

    const ALL: u64 = (1 << 41) - 1;

    #[test]
    fn root_with_everything_lacks_nothing() {
        let all = Privileges::of(true, ALL);
        assert_eq!((all.missing.as_slice(), all.lacking()), (&[][..], None));
    }

    #[test]
    fn the_old_capability_stands_in_for_the_new_ones() {
        let old = Privileges::of(true, ALL & !(1 << 38 | 1 << 39));
        assert_eq!((old.missing.as_slice(), old.lacking()), (&[][..], None));
    }

    #[test]
    fn a_root_without_capabilities_says_which() {
        let none = Privileges::of(true, ALL & !(1 << 12 | 1 << 24));
        assert_eq!(none.missing, ["CAP_NET_ADMIN", "CAP_SYS_RESOURCE"]);
        assert_eq!(none.lacking().as_deref(), Some("needs CAP_NET_ADMIN"));
    }

    #[test]
    fn anybody_else_needs_root() {
        assert_eq!(
            Privileges::of(false, 0).lacking().as_deref(),
            Some("needs root")
        );
    }
}
