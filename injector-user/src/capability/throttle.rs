//! A trial of `io.max`: a process writes to a file that has no name, and is seen to wait for as long as it is
//! limited.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use injector_core::plan::Disk;
use nix::fcntl::OFlag;
use procfs::process::{MountInfo, Process};

use super::limit::is_enabled;
use super::obstacle::{Obstacle, not_seen, prepare};
use super::room::{Room, mount_of};
use super::subject::{PATIENCE, Subject};
use super::wire::{Reply, Request, STORED};
use crate::clock::monotonic_ns;
use crate::freezer::Flavour;
use crate::limits::{Limiter, Place};
use crate::pulses::{Condition as _, Standing};
use crate::safety::permit_housekeeping;
use crate::safety::undo::UndoLog;
use crate::target::whole_disk;

const CONTROLLER: &str = "io";
const FILE: &str = "io.max";

/// Below the second that the kernel lets the write wait, and so long that no disk takes it for one write.
const HELD: Duration = Duration::from_millis(400);

/// How often it writes without a limit: a disk that is busy with others takes its time now and then.
const TRIES: usize = 5;

/// Between two looks at whether it has written.
const STEP: Duration = Duration::from_millis(1);

/// Limits a cgroup, has its process write more than passes in the meantime, and lets it have that again.
pub(super) fn throttled(log: Option<&UndoLog>) -> Result<(), Obstacle> {
    let mount = mount_of(Flavour::V2)?;
    let none = || Obstacle::NoController {
        controller: CONTROLLER,
        is_v1: false,
    };
    if !is_enabled(&mount, CONTROLLER) {
        return Err(none());
    }
    let (scratch, disk) = scratch()?;
    let room = Room::make_in(mount, log)?;
    // Ended before the room is removed.
    let subject = Subject::fork()?;
    let folder = room.folder();
    if !folder.join(FILE).exists() {
        return Err(none());
    }
    room.enter(&subject)?;
    let limiter = Limiter::open(Place {
        folder: folder.to_owned(),
        inode: room.id()?,
        file: FILE.to_owned(),
        key: disk.number,
        before: "wbps=max".to_owned(),
        during: format!("wbps={STORED}"),
    })?;
    see(&limiter, &subject, &scratch)
}

fn see(limiter: &Limiter, subject: &Subject, scratch: &File) -> Result<(), Obstacle> {
    let descriptor = u16::try_from(scratch.as_raw_fd());
    let Ok(descriptor) = descriptor else {
        return not_seen("too many files are open");
    };
    let write = Request::Store { descriptor };
    let mut alone = Duration::MAX;
    for _ in 0..TRIES {
        let begun = monotonic_ns();
        subject.tell(write)?;
        let Some(reply) = hear(subject, PATIENCE * 2)? else {
            return not_seen("the disk did not take one write in time");
        };
        let written = reply.result();
        written.map_err(|errno| prepare("write to a scratch file")(errno.into()))?;
        alone = alone.min(Duration::from_nanos(monotonic_ns().saturating_sub(begun)));
    }
    if alone > HELD / 2 {
        return not_seen(format!(
            "the disk took {} ms for one write, which is too long to tell that from a limit",
            alone.as_millis()
        ));
    }
    limiter.vet(&|pid| pid == subject.pid())?;
    limiter.impose(&permit_housekeeping())?;
    subject.tell(write)?;
    let early = hear(subject, HELD)?;
    limiter.lift()?;
    if early.is_some() {
        return not_seen("a process wrote more than its cgroup might, and did not wait");
    }
    match hear(subject, PATIENCE * 2)? {
        Some(reply) if reply.result().is_ok() => {}
        _waits_on => return not_seen("a limit was taken back, and who waited did not go on"),
    }
    match limiter.standing()? {
        Standing::Lifted => Ok(()),
        Standing::Coming | Standing::InForce => {
            not_seen("a limit was taken back and is still there")
        }
    }
}

/// What the process says within `patience`. The clock of a machine that is emulated may skip what its processors
/// wait for, but not that they look.
fn hear(subject: &Subject, patience: Duration) -> Result<Option<Reply>, Obstacle> {
    let deadline = monotonic_ns() + u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX);
    loop {
        let said = subject.hear(STEP)?;
        if said.is_some() || monotonic_ns() > deadline {
            return Ok(said);
        }
    }
}

/// A file without a name, past the page cache, on the first disk that has room for it.
fn scratch() -> Result<(File, Disk), Obstacle> {
    let mounts = Process::myself().and_then(|process| process.mountinfo());
    let mounts =
        mounts.map_err(|error| prepare("read the mounts")(std::io::Error::other(error)))?;
    let found = mounts.into_iter().find_map(|mount| make(&mount));
    found.ok_or(Obstacle::NoDisk)
}

fn make(mount: &MountInfo) -> Option<(File, Disk)> {
    // Those without a device of their own.
    if mount.majmin.starts_with("0:") || mount.mount_options.contains_key("ro") {
        return None;
    }
    let disk = whole_disk(&mount.majmin).ok()?;
    let flags = OFlag::O_TMPFILE | OFlag::O_DIRECT;
    let mut options = File::options();
    let options = options.write(true).mode(0o600).custom_flags(flags.bits());
    let file = options.open(&mount.mount_point).ok()?;
    Some((file, disk))
}
