//! A command as a target: in a cgroup of its own from its first instruction.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::process::Command;

use anyhow::{Context as _, Result};
use injector_core::plan::Hierarchy;
use injector_user::safety::permit_housekeeping;
use injector_user::safety::undo::{Cause, UndoLog};
use injector_user::target::Mounts;
use injector_user::target::command::{CommandCgroup, Held, Identity, Streams};
use nix::fcntl::OFlag;
use nix::unistd::{User, pipe2};

/// Says who it is and which cgroup it is in, then waits for its input to be closed.
const SCRIPT: &str = "id -u; id -G; sed -n s/^0:://p /proc/self/cgroup; cat";

/// How the command comes into its cgroup.
#[derive(Clone, Copy, Debug)]
enum Way {
    Born,
    Moved,
}

fn check(way: Way) -> Result<()> {
    let nobody = User::from_name("nobody")?.context("every host has nobody")?;
    let folder = tempfile::tempdir()?;
    let log = UndoLog::open(&folder.path().join("undo"))?;
    let mounts = Mounts::read()?;
    let mount = mounts.get(&Hierarchy::V2).context("cgroup v2 is mounted")?;
    let permit = permit_housekeeping();
    let name = format!("test-{}-{way:?}", std::process::id());

    let cgroup = CommandCgroup::make(&permit, &log, &mount.point, &name, Cause::default())?;
    let path = cgroup.path().to_owned();
    let born_in = match way {
        Way::Born => Some(File::open(&path)?),
        Way::Moved => None,
    };
    let (theirs, input) = pipe2(OFlag::O_CLOEXEC)?;
    let (output, also_theirs) = pipe2(OFlag::O_CLOEXEC)?;
    let streams = Streams {
        input: Some(theirs),
        output: Some(also_theirs),
    };
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT]);
    let identity = Identity::of(nobody.uid.as_raw())?;
    let born_in = born_in.as_ref().map(File::as_fd);
    let held = Held::fork(&shell, streams, Some(identity), born_in)?;
    assert_eq!(held.is_inside(), born_in.is_some());
    if !held.is_inside() {
        cgroup.enter(&permit, held.pid())?;
    }
    let mut started = held.release()?;
    let cgroup = cgroup.remove_if_empty()?.context("it is not empty yet")?;
    drop(input);
    let said = std::io::read_to_string(File::from(output))?;
    assert!(started.wait()?.success());
    let (uid, gid) = (nobody.uid, nobody.gid);
    assert_eq!(said, format!("{uid}\n{gid}\n/temblor-{name}\n"));

    assert!(cgroup.remove_if_empty()?.is_none(), "it is empty now");
    assert!(!path.exists());
    assert_eq!(fs::read_dir(folder.path().join("undo"))?.count(), 0);
    Ok(())
}

#[test]
fn a_command_is_born_in_its_cgroup_and_leaves_none() -> Result<()> {
    check(Way::Born)
}

#[test]
fn a_command_that_cannot_be_born_there_is_moved() -> Result<()> {
    check(Way::Moved)
}
