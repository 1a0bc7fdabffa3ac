//! What the settings of cgroups show.

use std::fs;
use std::path::{Path, PathBuf};

use injector_core::plan::{Cgroup, Hierarchy, MEMORY_HELD, Setting, settings};

use super::hierarchy::Mounts;

/// The settings that a limit by these controllers, of version 2 and of version 1, changes or looks at, of these
/// cgroups and of all above them.
pub fn settings_of([v2, v1]: [&str; 2], cgroups: &[Cgroup]) -> Vec<Setting> {
    let Ok(mounts) = Mounts::read() else {
        return Vec::new();
    };
    let mut found: Vec<Setting> = Vec::new();
    for cgroup in cgroups {
        let controller = match &cgroup.hierarchy {
            Hierarchy::V2 => v2,
            other if other.is_v1_of(v1) => v1,
            _of_others => continue,
        };
        for path in Path::new(&cgroup.path).ancestors() {
            let path = path.to_string_lossy();
            let known = |one: &Setting| one.hierarchy == cgroup.hierarchy && one.path == path;
            if found.iter().any(known) {
                // And so are those above.
                break;
            }
            if let Some(folder) = mounts.folder(&cgroup.hierarchy, &path) {
                found.extend(read(&cgroup.hierarchy, &path, &folder, controller));
            }
        }
    }
    found
}

fn read<'a>(
    hierarchy: &'a Hierarchy,
    path: &'a str,
    folder: &'a Path,
    controller: &'a str,
) -> impl Iterator<Item = Setting> + 'a {
    settings(controller).iter().filter_map(move |file| {
        let text = fs::read_to_string(folder.join(file)).ok()?;
        Some(Setting {
            hierarchy: hierarchy.clone(),
            path: path.to_owned(),
            file: (*file).to_owned(),
            shown: shown(file, &text),
        })
    })
}

/// Of statistics only what matters.
fn shown(file: &str, text: &str) -> String {
    if file != "memory.stat" {
        return text.trim_end().to_owned();
    }
    let matters = |line: &&str| {
        let name = line.split(' ').next().unwrap_or_default();
        MEMORY_HELD.contains(&name)
    };
    let lines: Vec<&str> = text.lines().filter(matters).collect();
    lines.join("\n")
}

/// Whether the kernel stops the host where a cgroup runs out of memory.
pub fn panics_on_oom() -> bool {
    let set = fs::read_to_string("/proc/sys/vm/panic_on_oom");
    set.is_ok_and(|set| set.trim_end() == "2")
}

/// The folder of the same path in the hierarchy of version 1 with another controller.
pub fn controller_folder(folder: &Path, controller: &str) -> Option<PathBuf> {
    let mounts = Mounts::read().ok()?;
    let own = mounts
        .iter()
        .find(|mount| folder.starts_with(&mount.point))?;
    let inside = folder.strip_prefix(&own.point).ok()?;
    let path = Path::new(&own.root).join(inside);
    let mut all = mounts.iter();
    let other = all.find(|mount| mount.hierarchy.is_v1_of(controller))?;
    other.folder(&path.to_string_lossy())
}
