//! A disk with real software on it, for tests that need more than our own programs: databases, and a
//! file system whose `fsync` means something.
//!
//! Guests write to a copy that is gone with them.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    exec::{Step, locate, say},
    vm::{initramfs::needed, software::Software},
    workspace::Workspace,
};

/// Where a guest mounts it.
const MOUNT: &str = "/disk";

/// Sparse.
const SIZE: &str = "768M";

/// The image, which is made if it is not there or the software has changed.
pub(crate) fn image(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.guests();
    let (image, made_of) = (folder.join("disk.ext4"), folder.join("disk.of"));
    let software = Software::find(&folder)?;
    let now = software.describe()?;
    if image.exists() && fs::read_to_string(&made_of).is_ok_and(|then| then == now) {
        return Ok(image);
    }
    say("disk of guests: made of real software");
    let tree = folder.join("disk");
    empty(&tree)?;
    fill(&tree, &software)?;
    make(&tree, &image)?;
    empty(&tree)?;
    fs::write(&made_of, now).with_context(|| format!("write {}", made_of.display()))?;
    Ok(image)
}

fn empty(tree: &Path) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree).with_context(|| format!("remove {}", tree.display()))?;
    }
    Ok(())
}

/// Programs, and what they read, where they find each other; libraries in one folder, and starters
/// that name it.
fn fill(tree: &Path, software: &Software) -> Result<()> {
    let mut libraries = BTreeMap::new();
    for (place, from) in software.folders() {
        copy(&from, &tree.join(place))?;
    }
    for (place, file) in software.programs() {
        let place = Path::new(&place).join(file.file_name().context("a program has a name")?);
        copy(&file, &tree.join(&place))?;
        libraries.extend(needed(&software.root, &file)?);
        starter(tree, &place)?;
    }
    for (name, file) in libraries {
        copy(&file, &tree.join("lib").join(name))?;
    }
    Ok(())
}

/// A script in `bin` of the program's name.
fn starter(tree: &Path, program: &Path) -> Result<()> {
    let script = tree
        .join("bin")
        .join(program.file_name().unwrap_or_default());
    let text = format!(
        "#!/bin/sh\nexport LD_LIBRARY_PATH={MOUNT}/lib\nexec {MOUNT}/{} \"$@\"\n",
        program.display()
    );
    let write = || {
        parent(&script)?;
        fs::write(&script, text)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
    };
    write().with_context(|| format!("write {}", script.display()))
}

/// A file, or what a link leads to, or a folder with all in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let about = || format!("copy {} to {}", from.display(), to.display());
    if from.is_dir() {
        for entry in fs::read_dir(from).with_context(about)? {
            let entry = entry.with_context(about)?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    parent(to).with_context(about)?;
    fs::copy(from, to).map(drop).with_context(about)
}

fn parent(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)
}

/// A file system of that tree, everything in it root's.
fn make(tree: &Path, image: &Path) -> Result<()> {
    let program = locate("mke2fs").context("no `mke2fs`; hint: it is in package e2fsprogs")?;
    let partial = image.with_extension("partial");
    Step::new(program)
        .args(["-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d"])
        .args([tree, &partial])
        .arg(SIZE)
        .run()?;
    fs::rename(&partial, image).with_context(|| format!("name {}", image.display()))
}
