//! Programs of this machine, with the shared libraries that they need.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::cpio::Archive;
use crate::{
    exec::{Step, locate},
    vm::emulator::library_path,
    workspace::Workspace,
};

/// The loader of shared libraries, under the name that programs call it by.
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// Where a loader of Debian looks first.
const LIBRARIES: &str = "lib/x86_64-linux-gnu";

/// Puts programs into `bin` and their libraries where they are found. Those that are not here are
/// left out.
pub(super) fn add(archive: &mut Archive, workspace: &Workspace, programs: &[&str]) -> Result<()> {
    let mut libraries = BTreeMap::new();
    for name in programs {
        let Some(file) = find(workspace, name) else {
            continue;
        };
        put(archive, &format!("bin/{name}"), &file)?;
        libraries.extend(needed(&workspace.tools().join("root"), &file)?);
    }
    for (name, file) in &libraries {
        put(archive, &format!("{LIBRARIES}/{name}"), file)?;
    }
    if !libraries.is_empty() {
        put(archive, LOADER.trim_start_matches('/'), Path::new(LOADER))?;
    }
    Ok(())
}

/// The program itself, not the script that starts an unpacked one.
pub(super) fn find(workspace: &Workspace, name: &str) -> Option<PathBuf> {
    let root = workspace.tools().join("root");
    let unpacked = ["bin", "sbin", "usr/bin", "usr/sbin"].map(|folder| root.join(folder));
    let unpacked = unpacked.map(|folder| folder.join(name));
    locate(name).or_else(|| unpacked.into_iter().find(|file| file.exists()))
}

fn put(archive: &mut Archive, name: &str, file: &Path) -> Result<()> {
    let content = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    archive.file(name, &content);
    Ok(())
}

/// The libraries of a program by name, those of packages unpacked at `root` before the machine's; none of
/// one that is linked statically.
pub(crate) fn needed(root: &Path, program: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let folders = library_path(root)?;
    let step = Step::new(LOADER).env("LD_LIBRARY_PATH", folders);
    if step.clone().arg("--verify").arg(program).read().is_err() {
        return Ok(BTreeMap::new());
    }
    let list = step.arg("--list").arg(program).read()?;
    Ok(found(&list))
}

/// Reads lines such as `libmnl.so.0 => /lib/x86_64-linux-gnu/libmnl.so.0 (0x00007f…)`.
fn found(list: &str) -> BTreeMap<String, PathBuf> {
    let lines = list.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(" => ")?;
        let path = rest.split(' ').next()?;
        Some((name.to_owned(), PathBuf::from(path)))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::found;

    #[test]
    fn libraries_are_read_from_what_the_loader_says() {
        let list = "\tlinux-vdso.so.1 (0x00007ffd)\n\
                    \tlibmnl.so.0 => /lib/x86_64-linux-gnu/libmnl.so.0 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let expected = [(
            "libmnl.so.0".to_owned(),
            PathBuf::from("/lib/x86_64-linux-gnu/libmnl.so.0"),
        )];
        assert_eq!(found(list), expected.into());
    }
}
