//! A host, and network namespaces on it, at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use injector_core::plan::{self, Hierarchy};
use injector_user::sys::netns::within;
use injector_user::target::Mounts;
use netlink_packet_route::AddressFamily;

use super::difference::Difference;
use super::network::{Interfaces, rules};
use super::programs::{is_ours, programs_and_links};
use super::settings::settings;
use crate::engine::is_running;
use crate::tool::tool_if_any;
use crate::wait_until;

/// The kernel takes apart what was detached when it has time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lines of text by what they are about, so that a difference can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSnapshot {
    facts: BTreeMap<String, BTreeSet<String>>,
    namespaces: Vec<String>,
}

impl HostSnapshot {
    /// The network namespace of the caller, beside those that have names.
    pub const HERE: &'static str = "here";

    /// Looks at the kernel programs and cgroups of the host and at these network namespaces.
    pub fn take(namespaces: &[&str]) -> Result<Self> {
        let mut snapshot = Self {
            namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
            ..Self::default()
        };
        snapshot.kernel_programs();
        snapshot.cgroups()?;
        snapshot.add("sysctls", settings("kernel"));
        for name in namespaces {
            if *name == Self::HERE {
                snapshot.files();
                snapshot.network(name)?;
                continue;
            }
            let namespace = File::open(Path::new("/run/netns").join(name))?;
            let seen = within(namespace.as_fd(), || {
                let mut inside = Self::default();
                inside.network(name).map(|()| inside.facts)
            })??;
            snapshot.facts.extend(seen);
        }
        Ok(snapshot)
    }

    /// What has changed from `self` to `later`.
    pub fn difference(&self, later: &Self) -> Difference {
        Difference {
            added: only_in(later, self),
            removed: only_in(self, later),
        }
    }

    /// Waits until the host is as it was; the difference that stays is the error.
    pub fn await_same(&self) -> Result<()> {
        let names: Vec<&str> = self.namespaces.iter().map(String::as_str).collect();
        let now = || Self::take(&names).map(|now| self.difference(&now));
        let same = wait_until("the host is as it was", PATIENCE, || {
            // Programs go last, and are quick to look at.
            self.has_the_programs_there_are() && now().is_ok_and(|difference| difference.is_empty())
        });
        let difference = if same.is_ok() {
            Difference::default()
        } else {
            now()?
        };
        ensure!(
            difference.is_empty(),
            "the host is not as it was:\n{difference}"
        );
        Ok(())
    }

    fn has_the_programs_there_are(&self) -> bool {
        let mut now = Self::default();
        now.kernel_programs();
        now.facts
            .iter()
            .all(|(about, lines)| self.facts.get(about) == Some(lines))
    }

    /// Only what is about one of these, such as `qdiscs` or `filters`.
    #[must_use]
    pub fn only(&self, about: &[&str]) -> Self {
        let wanted = |key: &str| about.iter().any(|word| key.split(' ').any(|k| k == *word));
        let facts = self.facts.iter().filter(|(key, _)| wanted(key));
        Self {
            facts: facts.map(|(k, v)| (k.clone(), v.clone())).collect(),
            namespaces: self.namespaces.clone(),
        }
    }

    fn add(&mut self, about: impl Into<String>, lines: impl IntoIterator<Item = String>) {
        self.facts.entry(about.into()).or_default().extend(lines);
    }

    fn kernel_programs(&mut self) {
        let (programs, links) = programs_and_links();
        let named = programs.iter().map(|program| {
            let name = program.name_as_str().unwrap_or_default();
            format!("{} {name}", program.id())
        });
        self.add("programs", named);
        self.add("links of programs", [links.to_string()]);
        self.add("pins", tree(Path::new("/sys/fs/bpf"), &|_| true));
    }

    fn cgroups(&mut self) -> Result<()> {
        let mounts = Mounts::read()?;
        let freezers = [
            (Hierarchy::V2, "cgroup.freeze"),
            (Hierarchy::V1Freezer, "freezer.state"),
        ];
        for (hierarchy, control) in freezers {
            let Some(mount) = mounts.get(&hierarchy) else {
                continue;
            };
            let folders = tree(&mount.point, &|path| path.is_dir() && !is_strangers(path));
            let states = folders.into_iter().map(|folder| {
                let state = fs::read_to_string(Path::new(&folder).join(control));
                format!("{folder} {}", state.unwrap_or_default().trim_end())
            });
            self.add(format!("cgroups {hierarchy}"), states);
        }
        for mount in mounts.iter() {
            let folders = tree(&mount.point, &|path| path.is_dir() && !is_strangers(path));
            let settings = folders.iter().flat_map(|folder| limits(Path::new(folder)));
            self.add(format!("limits {}", mount.hierarchy), settings);
        }
        Ok(())
    }

    fn files(&mut self) {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        self.add("mounts", mounts.lines().map(str::to_owned));
        let named = fs::read_dir("/run/netns").into_iter().flatten().flatten();
        let names = named.map(|entry| entry.file_name().to_string_lossy().into_owned());
        self.add("namespaces", names);
    }

    /// What belongs to the network namespace that the calling thread is in.
    fn network(&mut self, whose: &str) -> Result<()> {
        let about = |what: &str| format!("{what} of {whose}");
        let interfaces = Interfaces::read()?;
        self.add(about("interfaces"), interfaces.lines());
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            self.add(about("routes"), interfaces.routes(family)?);
            self.add(about("rules"), rules(family)?);
        }
        let qdiscs = interfaces.qdiscs()?;
        let furnished = qdiscs.iter().filter(|qdisc| qdisc.takes_filters);
        let furnished: BTreeSet<&str> = furnished.map(|qdisc| &*qdisc.interface).collect();
        for name in furnished {
            for side in ["root", "ingress", "egress"] {
                let found = tool_if_any("tc", &["filter", "show", "dev", name, side]);
                let named = found.lines().map(|line| format!("{name} {side} {line}"));
                self.add(about("filters"), named);
            }
        }
        self.add(about("qdiscs"), qdiscs.into_iter().map(|qdisc| qdisc.line));
        for (program, arguments) in [
            ("nft", &["list", "ruleset"][..]),
            ("iptables-save", &[]),
            ("ip6tables-save", &[]),
        ] {
            let rules = tool_if_any(program, arguments);
            let steady = rules.lines().filter(|line| !line.starts_with('#'));
            self.add(about(program), steady.map(str::to_owned));
        }
        for folder in ["net/core", "net/ipv4", "net/ipv6"] {
            self.add(about("sysctls"), settings(folder));
        }
        Ok(())
    }
}

/// What a cgroup may use at most.
fn limits(folder: &Path) -> Vec<String> {
    let controllers = ["cpu", "memory", "io"].into_iter();
    let all = controllers.flat_map(plan::settings);
    let fixed = all.filter(|file| **file != "memory.stat");
    let shown = fixed.filter_map(|file| {
        let path = folder.join(file);
        let text = fs::read_to_string(&path).ok()?;
        Some(format!("{} {}", path.display(), text.trim_end()))
    });
    shown.collect()
}

/// Whether a cgroup has the number of a process in its name that lives and is not ours.
fn is_strangers(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let Some(rest) = name.strip_prefix("temblor-") else {
        return false;
    };
    let pid = rest.split('-').find_map(|word| word.parse().ok());
    pid.is_some_and(|pid| is_running(pid) && !is_ours(pid))
}

/// Everything below `folder` for which `wanted` holds, links not followed.
fn tree(folder: &Path, wanted: &impl Fn(&Path) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if wanted(&path) {
            found.push(path.display().to_string());
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(tree(&path, wanted));
        }
    }
    found
}

fn only_in(one: &HostSnapshot, other: &HostSnapshot) -> Vec<String> {
    let mut found = Vec::new();
    for (about, lines) in &one.facts {
        let there = other.facts.get(about);
        let missing = lines
            .iter()
            .filter(|line| there.is_none_or(|there| !there.contains(*line)));
        found.extend(missing.map(|line| format!("{about}: {line}")));
    }
    found
}
