//! The cgroup hierarchies of this host and where they are mounted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use injector_core::plan::Hierarchy;
use procfs::process::{MountInfo, Process};
use procfs::{ProcError, ProcResult};
use thiserror::Error;

/// Reading where hierarchies are mounted failed.
#[derive(Debug, Error)]
#[error("failed to read which cgroup hierarchies are mounted")]
pub struct ReadMounts(#[source] ProcError);

/// Where a hierarchy is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub hierarchy: Hierarchy,
    pub point: PathBuf,
    /// The cgroup that the mount point shows, `/` unless only a part of the hierarchy is mounted.
    pub root: String,
}

/// The hierarchies mounted here, version 2 first, then the freezer of version 1, then others; each
/// once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts(Vec<Mount>);

impl Mounts {
    pub fn read() -> Result<Self, ReadMounts> {
        let mounts = Process::myself().and_then(|process| process.mountinfo());
        Ok(Self::of(mounts.map_err(ReadMounts)?))
    }

    fn of(mounts: impl IntoIterator<Item = MountInfo>) -> Self {
        let mut mounts: Vec<Mount> = mounts.into_iter().filter_map(Mount::of).collect();
        // Stable: of several mounts of one hierarchy the first stays, the whole hierarchy before a
        // part of it.
        mounts.sort_by_key(|mount| (mount.hierarchy.clone(), mount.root != "/"));
        mounts.dedup_by(|later, first| later.hierarchy == first.hierarchy);
        Self(mounts)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.0.iter()
    }

    pub fn get(&self, hierarchy: &Hierarchy) -> Option<&Mount> {
        self.iter().find(|mount| &mount.hierarchy == hierarchy)
    }

    /// The folder of the cgroup `path`, given as in `/proc/PID/cgroup`, if it is mounted.
    pub fn folder(&self, hierarchy: &Hierarchy, path: &str) -> Option<PathBuf> {
        self.get(hierarchy)?.folder(path)
    }
}

impl Mount {
    fn of(mount: MountInfo) -> Option<Self> {
        let hierarchy = match mount.fs_type.as_str() {
            "cgroup2" => Hierarchy::V2,
            "cgroup" => first_version(&mount)?,
            _ => return None,
        };
        Some(Self {
            hierarchy,
            point: mount.mount_point,
            root: mount.root,
        })
    }

    /// The folder of the cgroup `path`, given as in `/proc/PID/cgroup`; none if the mount does not
    /// show it.
    pub fn folder(&self, path: &str) -> Option<PathBuf> {
        let inside = Path::new(path).strip_prefix(&self.root).ok()?;
        let climbs = |part: &std::ffi::OsStr| part == "..";
        if inside.iter().any(climbs) {
            return None;
        }
        // Joining an empty path would add a slash.
        match inside.iter().next() {
            Some(_) => Some(self.point.join(inside)),
            None => Some(self.point.clone()),
        }
    }
}

/// The cgroup of a process in one hierarchy, as `/proc/PID/cgroup` shows it.
pub fn cgroup_of(process: &Process, wanted: &Hierarchy) -> ProcResult<Option<String>> {
    let lines = process.cgroups()?;
    let found = lines.into_iter().find(|line| match wanted {
        Hierarchy::V2 => line.hierarchy == 0,
        Hierarchy::V1Freezer => line.controllers.iter().any(|name| name == "freezer"),
        Hierarchy::V1Other(name) => line.hierarchy != 0 && &label(&line.controllers) == name,
    });
    Ok(found.map(|line| line.pathname))
}

fn first_version(mount: &MountInfo) -> Option<Hierarchy> {
    // Besides controllers or a name, the options hold what any mount has.
    const OPTIONS: [&str; 6] = [
        "rw",
        "ro",
        "xattr",
        "clone_children",
        "noprefix",
        "release_agent",
    ];
    if mount.super_options.contains_key("freezer") {
        return Some(Hierarchy::V1Freezer);
    }
    let options = mount.super_options.iter();
    let names: BTreeSet<String> = options
        .filter(|(key, _)| !OPTIONS.contains(&key.as_str()))
        .map(|(key, value)| match value {
            Some(value) => format!("{key}={value}"),
            None => key.clone(),
        })
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    (!names.is_empty()).then(|| Hierarchy::V1Other(names.join(",")))
}

fn label(controllers: &[String]) -> String {
    let sorted: BTreeSet<&str> = controllers.iter().map(String::as_str).collect();
    Vec::from_iter(sorted).join(",")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use injector_core::plan::Hierarchy;
    use procfs::process::MountInfo;

    use super::{Mount, Mounts};

    const HYBRID: [&str; 6] = [
        "20 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
        "31 30 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd",
        "32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpuacct,cpu",
        "33 30 0:29 /a /mnt/part rw - cgroup cgroup rw,freezer",
        "34 30 0:29 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer",
        "35 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw,nsdelegate",
    ];

    #[test]
    fn a_hybrid_host_has_all_its_hierarchies_once() {
        let lines = HYBRID.map(|line| MountInfo::from_line(line).unwrap());
        let mount = |hierarchy, folder: &str| Mount {
            hierarchy,
            point: PathBuf::from("/sys/fs/cgroup").join(folder),
            root: "/".to_owned(),
        };
        let other = |name: &str| Hierarchy::V1Other(name.to_owned());
        let expected = Mounts(vec![
            mount(Hierarchy::V2, "unified"),
            mount(Hierarchy::V1Freezer, "freezer"),
            mount(other("cpu,cpuacct"), "cpu,cpuacct"),
            mount(other("name=systemd"), "systemd"),
        ]);
        assert_eq!(Mounts::of(lines), expected);
    }

    #[track_caller]
    fn check(root: &str, path: &str, folder: Option<&str>) {
        let mount = Mount {
            hierarchy: Hierarchy::V2,
            point: PathBuf::from("/cg"),
            root: root.to_owned(),
        };
        assert_eq!(mount.folder(path), folder.map(PathBuf::from));
    }

    #[test]
    fn a_path_becomes_a_folder_below_the_mount_point() {
        check("/", "/", Some("/cg"));
        check("/", "/a/b", Some("/cg/a/b"));
        check("/docker/1", "/docker/1", Some("/cg"));
        check("/docker/1", "/docker/1/a", Some("/cg/a"));
    }

    #[test]
    fn what_the_mount_does_not_show_has_no_folder() {
        check("/docker/1", "/docker/2", None);
        check("/docker/1", "/docker/11", None);
        check("/", "/../a", None);
        check("/", "a", None);
    }
}
