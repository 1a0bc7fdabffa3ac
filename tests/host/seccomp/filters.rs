//! Calls about some files, some descriptors, so many bytes.

use anyhow::Result;

use super::scene::{close, file, run};
use crate::stage::Stage;

#[test]
fn files_are_known_by_what_they_are() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let (meant, other) = (file(&folder, "meant")?, file(&folder, "other")?);
    let moved = folder.path().join("moved");
    let (meant, other, moved) = (meant.display(), other.display(), moved.display());
    let script = format!(
        "s() {{ sync $1 2>/dev/null; echo :$?; }}; s {meant}; s {other}; ln {meant} {moved}; s {moved}; \
         rm {meant}; s {moved}; cp {other} {meant}; s {meant}"
    );
    let given = format!("--syscalls fsync --errno EIO --path {meant}");
    let ran = run(&stage, &given, &script)?;
    assert_eq!(ran.lines, ["1", "0", "1", "1", "0"]);
    assert_eq!(ran.count("matched"), Some(3));
    close(stage)
}

#[test]
fn a_path_is_looked_up_as_the_caller_would() -> Result<()> {
    let stage = Stage::set()?;
    let (folder, elsewhere) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let inside = file(&folder, "inside")?;
    let outside = file(&elsewhere, "outside")?;
    let link = elsewhere.path().join("link");
    std::os::unix::fs::symlink(&inside, &link)?;
    let script = format!(
        "c() {{ cat $1 >/dev/null 2>&1; echo :$?; }}; c {}; c {}; c {}; cd {}; c inside; c ./../{}/inside; \
         c {}; (echo x >new) 2>/dev/null; echo :$?",
        inside.display(),
        outside.display(),
        link.display(),
        folder.path().display(),
        folder.path().file_name().unwrap_or_default().display(),
        outside.display(),
    );
    let given = format!(
        "--syscalls openat --errno EACCES --path {}/",
        folder.path().display()
    );
    let ran = run(&stage, &given, &script)?;
    assert_eq!(ran.lines, ["1", "0", "1", "1", "1", "0", "2"]);
    assert!(!folder.path().join("new").exists());
    close(stage)
}

#[test]
fn descriptors_are_known_by_their_kind_and_calls_by_their_size() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("big");
    let script = format!(
        "for n in 10 100 1000; do dd if=/dev/zero of={} bs=$n count=1 2>/dev/null; echo :$?; done; \
         head -c 100 /dev/zero | dd bs=100 count=1 2>/dev/null | wc -c | sed s/^/:/",
        path.display()
    );
    let given = "--syscalls write --errno ENOSPC --fd file --size 100..999";
    let ran = run(&stage, given, &script)?;
    assert_eq!(ran.lines, ["0", "1", "0", "100"]);
    assert_eq!(ran.count("matched"), Some(1));
    close(stage)
}
