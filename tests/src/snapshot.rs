//! What of a host a fault could leave behind, and what has changed of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use aya::programs::{ProgramInfo, loaded_links, loaded_programs};
use injector_core::plan::Hierarchy;
use injector_user::sys::netns::within;
use injector_user::target::{Mounts, descends_from};
use procfs::process::all_processes;

use crate::engine::is_running;
use crate::tool::{fed, tool_if_any};
use crate::wait_until;

/// The kernel takes apart what was detached when it has time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lines of text by what they are about, so that a difference can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostSnapshot {
    facts: BTreeMap<String, BTreeSet<String>>,
    namespaces: Vec<String>,
}

/// What is there now and was not, and the reverse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub added: Vec<String>,
    pub removed: Vec<String>,
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.added {
            writeln!(out, "+ {line}")?;
        }
        for line in &self.removed {
            writeln!(out, "- {line}")?;
        }
        Ok(())
    }
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
        snapshot.sysctls("sysctls", &["kernel"]);
        for name in namespaces {
            if *name == Self::HERE {
                snapshot.files();
                snapshot.network(name);
                continue;
            }
            let namespace = File::open(Path::new("/run/netns").join(name))?;
            let seen = within(namespace.as_fd(), || {
                let mut inside = Self::default();
                inside.network(name);
                inside.facts
            })?;
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
        Ok(())
    }

    fn files(&mut self) {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        self.add("mounts", mounts.lines().map(str::to_owned));
        self.add("namespaces", lines(&tool_if_any("ip", &["netns", "list"])));
    }

    /// What belongs to the network namespace that the calling thread is in.
    fn network(&mut self, whose: &str) {
        let about = |what: &str| format!("{what} of {whose}");
        let links = tool_if_any("ip", &["-oneline", "link", "show"]);
        self.add(about("interfaces"), lines(&links));
        for family in ["-4", "-6"] {
            let options = [family, "-oneline", "-batch", "-"];
            let asked = "route show table all\nrule show\n";
            let shown = lines(&fed("ip", &options, asked).unwrap_or_default());
            let steady = shown.into_iter().filter(|line| !is_cached(line));
            self.add(about("routes and rules"), steady);
        }
        let qdiscs = lines(&tool_if_any("tc", &["qdisc"]));
        // Filters hang on qdiscs.
        let interfaces: BTreeSet<&str> = qdiscs.iter().filter_map(|line| furnished(line)).collect();
        for name in interfaces {
            for side in ["root", "ingress", "egress"] {
                let found = tool_if_any("tc", &["filter", "show", "dev", name, side]);
                let named = lines(&found).into_iter();
                self.add(
                    about("filters"),
                    named.map(|l| format!("{name} {side} {l}")),
                );
            }
        }
        self.add(about("qdiscs"), qdiscs);
        for (program, arguments) in [
            ("nft", &["list", "ruleset"][..]),
            ("iptables-save", &[]),
            ("ip6tables-save", &[]),
        ] {
            let rules = tool_if_any(program, arguments);
            let steady = lines(&rules)
                .into_iter()
                .filter(|line| !line.starts_with('#'));
            self.add(about(program), steady);
        }
        self.sysctls(&about("sysctls"), &["net/core", "net/ipv4", "net/ipv6"]);
    }

    fn sysctls(&mut self, about: &str, folders: &[&str]) {
        for folder in folders {
            let folder = Path::new("/proc/sys").join(folder);
            let mut paths = Vec::new();
            files(&folder, &mut paths);
            let values = paths.iter().filter(|path| !is_restless(path)).map(|path| {
                let value = setting(path);
                format!("{} {}", path.display(), value.trim_end())
            });
            self.add(about, values);
        }
    }
}

/// Programs that no process holds that is not ours, and how many such links there are.
fn programs_and_links() -> (Vec<ProgramInfo>, usize) {
    // Strangers come and go meanwhile.
    let mut foreign = Foreign::default();
    foreign.find();
    let programs: Vec<_> = loaded_programs().flatten().collect();
    let links = loaded_links().flatten().count();
    foreign.find();
    let own = programs
        .into_iter()
        .filter(|program| !foreign.programs.contains(&program.id()));
    (own.collect(), links.saturating_sub(foreign.links.len()))
}

/// The numbers of the programs that no process holds that is not ours.
pub(crate) fn programs_of_ours() -> BTreeSet<u32> {
    let (programs, _links) = programs_and_links();
    programs.iter().map(ProgramInfo::id).collect()
}

/// Kernel objects that a process other than ours holds: another engine on the same machine.
#[derive(Debug, Default)]
struct Foreign {
    programs: BTreeSet<u32>,
    links: BTreeSet<u32>,
}

impl Foreign {
    fn find(&mut self) {
        for process in all_processes().into_iter().flatten().flatten() {
            if !is_ours(process.pid) {
                self.add(process.pid);
            }
        }
    }

    fn add(&mut self, pid: i32) {
        let files = fs::read_dir(format!("/proc/{pid}/fdinfo"));
        for file in files.into_iter().flatten().flatten() {
            let text = fs::read_to_string(file.path()).unwrap_or_default();
            let numbers = |key: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(key));
                line.and_then(|value| value.trim().parse::<u32>().ok())
            };
            self.programs.extend(numbers("prog_id:"));
            self.links.extend(numbers("link_id:"));
        }
    }
}

/// Whether it is this process or one that it has started.
fn is_ours(pid: i32) -> bool {
    descends_from(pid, &BTreeSet::from([std::process::id().cast_signed()]))
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

/// Values that change by themselves.
fn is_restless(path: &Path) -> bool {
    let text = path.to_string_lossy();
    [
        "/random/",
        "ns_last_pid",
        "pty/nr",
        "stat_refresh",
        "printk",
        "/flush",
        // What balancing has cost so far, on kernels before 5.13.
        "/sched_domain/",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// The interface that a line of `tc qdisc` is about, unless nothing could hang on that qdisc.
fn furnished(line: &str) -> Option<&str> {
    let mut words = line.split(' ').skip_while(|word| *word != "dev").skip(1);
    words.next().filter(|_| !line.starts_with("qdisc noqueue "))
}

/// Routes that the kernel learns from traffic.
fn is_cached(line: &str) -> bool {
    line.contains(" cache ") || line.contains(" expires ")
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim().to_owned()).collect()
}

/// Every file below `folder`. There are thousands of settings: nothing is asked twice.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), found),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
}

/// A value that fits into one read, as nearly all do; nothing if it may not be read.
fn setting(path: &Path) -> String {
    let mut buffer = [0; 4096];
    let read = File::open(path).and_then(|mut file| file.read(&mut buffer));
    match read {
        Ok(length) if length < buffer.len() => {
            String::from_utf8_lossy(&buffer[..length]).into_owned()
        }
        Ok(_) => fs::read_to_string(path).unwrap_or_default(),
        Err(_) => String::new(),
    }
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
