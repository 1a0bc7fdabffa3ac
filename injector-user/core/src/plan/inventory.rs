//! What the engine found on the host, as far as a selector needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::decision::{Hook, Mechanism, Select};
use super::disks::Disk;
use super::files::Files;
use super::sites::Site;
use super::supplies::Supplies;
use crate::fault::Kind;
use crate::target::Container;

/// Everything a plan may depend on. What is not here does not exist for [`super::plan`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inventory {
    /// Every process the selector could mean, with all its descendants.
    pub processes: Vec<Process>,
    /// The selected cgroup in every hierarchy that has its path, and the cgroups of `processes`.
    pub cgroups: Vec<Cgroup>,
    /// The selected network namespace, and those of `processes`.
    pub namespaces: Vec<Namespace>,
    pub capabilities: BTreeMap<Mechanism, Capability>,
    /// The paths of the engine's and the keeper's cgroups and of all above them.
    pub own_cgroup_ancestors: Vec<String>,
    pub armed: Vec<ArmedFault>,
    /// The cgroup made for a command target; it is in `cgroups` too and may be empty.
    pub command_cgroup: Option<String>,
    /// Every container of the host, if containers were asked for; only the cgroups of those meant are
    /// in `cgroups`.
    pub containers: Vec<Container>,
    /// Why containers have no names here, if they have none.
    pub nameless: Option<String>,
    /// The cgroup of every unit of the host, if units were asked for.
    pub units: Vec<String>,
    /// The number of the user that was asked for, if there is one of that name.
    pub user: Option<u32>,
    /// The kernel's functions that are system calls or security hooks, if those matter.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub functions: BTreeSet<String>,
    /// From where the target's programs and libraries make system calls, if that matters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<Site>,
    /// What the path that a fault names means to its target.
    #[serde(skip_serializing_if = "Files::is_empty")]
    pub files: Files,
    /// Which disk holds it for each of the target's root directories, or why none does, if that matters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<Result<Disk, String>>,
    /// What it may use up.
    #[serde(skip_serializing_if = "Supplies::is_empty")]
    pub supplies: Supplies,
    /// What files in folders of `cgroups`, and of those above, show, if that matters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Setting>,
    /// Whether the host stops where a cgroup runs out of memory (`vm.panic_on_oom` is 2).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub panics_on_oom: bool,
}

impl Inventory {
    /// What a file of a cgroup shows, if the cgroup has it.
    pub fn setting(&self, hierarchy: &Hierarchy, path: &str, file: &str) -> Option<&str> {
        let mut all = self.settings.iter();
        let found = all.find(|setting| {
            setting.hierarchy == *hierarchy && setting.path == path && setting.file == file
        });
        found.map(|setting| setting.shown.as_str())
    }

    /// Why a mechanism cannot be used here, unless it can.
    pub fn usable(&self, mechanism: Mechanism) -> Result<(), String> {
        match self.capabilities.get(&mechanism) {
            Some(capability) if capability.state == CapabilityState::Supported => Ok(()),
            Some(capability) => Err(capability.reason.clone()),
            None => Err("it was not tried".to_owned()),
        }
    }
}

/// A process, that is a thread group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: i32,
    pub ppid: i32,
    /// Field 22 of `/proc/PID/stat`, in clock ticks after boot; with the pid it is unique.
    pub start_time: u64,
    pub comm: String,
    /// The path of its program, without ` (deleted)`; none for kernel threads and where we may not
    /// look.
    pub exe: Option<String>,
    /// Effective user.
    pub uid: u32,
    /// Resident memory in KiB.
    pub memory_kib: u64,
    /// Processor time used so far, in clock ticks.
    pub cpu_ticks: u64,
    /// The path in the v2 hierarchy, if there is one.
    pub cgroup_v2: Option<String>,
    /// The path in the v1 freezer hierarchy, if there is one.
    pub freezer_v1: Option<String>,
    /// Inode of the network namespace.
    pub netns: u64,
    /// Why it must never be a target.
    pub protected: Option<ProtectedReason>,
}

/// A reason that follows "it is protected: ", such as "it is the engine".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProtectedReason(pub String);

/// One cgroup in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroup {
    pub hierarchy: Hierarchy,
    /// As in `/proc/PID/cgroup`.
    pub path: String,
    /// The inode of its directory, which the kernel calls its id.
    pub id: u64,
    /// The processes in it and in all cgroups below it.
    pub members: Vec<i32>,
    /// Frozen, or being frozen, by anybody, here or further up.
    pub frozen: bool,
    pub is_root: bool,
}

/// A file in the folder of a cgroup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    pub hierarchy: Hierarchy,
    /// As in `/proc/PID/cgroup`.
    pub path: String,
    /// Its name, such as `cpu.max`.
    pub file: String,
    /// What can be read in it, without the last line's end.
    pub shown: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hierarchy {
    V2,
    V1Freezer,
    /// Any other v1 hierarchy, by its controllers or name.
    V1Other(String),
}

impl Hierarchy {
    /// Whether it is one of version 1 with this controller.
    pub fn is_v1_of(&self, controller: &str) -> bool {
        match self {
            Self::V1Other(names) => names.split(',').any(|name| name == controller),
            Self::V2 | Self::V1Freezer => false,
        }
    }
}

impl fmt::Display for Hierarchy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V2 => out.write_str("cgroup v2"),
            Self::V1Freezer => out.write_str("the v1 freezer hierarchy"),
            Self::V1Other(name) => write!(out, "the v1 {name} hierarchy"),
        }
    }
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    pub inode: u64,
    /// Under `/run/netns`.
    pub name: Option<String>,
    /// A path to open and to enter.
    pub handle: String,
    /// The one the engine is in.
    pub is_host: bool,
    pub interfaces: Vec<Interface>,
    /// Every process in it, if all processes of the host were looked at. `None` is "not known":
    /// then nothing may be concluded from who is missing.
    pub members: Option<Vec<i32>>,
}

impl fmt::Display for Namespace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.is_host) {
            (Some(name), _) => write!(out, "the network namespace {name}"),
            (None, true) => out.write_str("the host's network namespace"),
            (None, false) => write!(out, "the network namespace {}", self.handle),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    pub name: String,
    pub index: u32,
    pub kind: InterfaceKind,
    pub up: bool,
    /// The bridge or bond of the same namespace which its packets pass too, by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterfaceKind {
    /// Has Ethernet headers.
    Ethernet,
    Loopback,
    /// Anything else, such as a tunnel without a link-layer header.
    Other(String),
}

/// What is known about one mechanism on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    pub state: CapabilityState,
    /// For people; empty if supported.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CapabilityState {
    /// It was tried and it worked.
    Supported,
    /// The kernel has no such thing.
    Unsupported,
    /// The kernel has it, and something forbids us to use it.
    RefusedByPolicy,
    /// Could not be found out.
    Unknown,
}

/// A fault that acts already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmedFault {
    pub id: String,
    pub kind: Kind,
    pub owner: Option<String>,
    pub hooks: Vec<Hook>,
    pub select: Select,
}
