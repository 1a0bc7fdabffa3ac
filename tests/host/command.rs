//! A command as a target: in a cgroup of its own from its first instruction.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use injector_core::plan::Hierarchy;
use injector_user::safety::permit_housekeeping;
use injector_user::safety::undo::{Cause, UndoLog};
use injector_user::target::Mounts;
use injector_user::target::command::{CommandCgroup, Held, Identity};
use nix::unistd::User;

/// Says who it is and which cgroup it is in, then waits for its input to be closed.
const SCRIPT: &str = "id -u; id -G; sed -n s/^0:://p /proc/self/cgroup; cat";

fn shell() -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

#[test]
fn a_command_runs_in_its_cgroup_and_leaves_none() -> Result<()> {
    let nobody = User::from_name("nobody")?.context("every host has nobody")?;
    let folder = tempfile::tempdir()?;
    let log = UndoLog::open(&folder.path().join("undo"))?;
    let mounts = Mounts::read()?;
    let mount = mounts.get(&Hierarchy::V2).context("cgroup v2 is mounted")?;
    let permit = permit_housekeeping();
    let name = format!("test-{}", std::process::id());

    let cgroup = CommandCgroup::make(&permit, &log, &mount.point, &name, Cause::default())?;
    let path = cgroup.path().to_owned();
    let held = Held::fork(shell(), Some(Identity::of(nobody.uid.as_raw())?))?;
    cgroup.enter(&permit, held.pid())?;
    let mut child = held.release()?;
    let cgroup = cgroup.remove_if_empty()?.context("it is not empty yet")?;
    drop(child.stdin.take());
    let output = child.wait_with_output()?;
    let said = String::from_utf8(output.stdout)?;
    let (uid, gid) = (nobody.uid, nobody.gid);
    assert_eq!(said, format!("{uid}\n{gid}\n/temblor-{name}\n"));

    assert!(cgroup.remove_if_empty()?.is_none(), "it is empty now");
    assert!(!path.exists());
    assert_eq!(fs::read_dir(folder.path().join("undo"))?.count(), 0);
    Ok(())
}
