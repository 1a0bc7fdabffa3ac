//! A file that this process serves to itself: mounted in no namespace, so that nobody finds it.

use std::fs::{File, OpenOptions};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use nix::errno::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount,
    fsopen,
};

use super::fault::DormitoryError;
use crate::sys::pages::Pages;

/// The file system as its server has it: it goes when this is closed.
pub(super) fn device() -> Result<OwnedFd, DormitoryError> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/fuse");
    opened.map(OwnedFd::from).map_err(DormitoryError::Device)
}

/// Mounts the file system whose server has `device`.
pub(super) fn mount(device: &OwnedFd) -> Result<OwnedFd, DormitoryError> {
    let context =
        fsopen("fuse", FsOpenFlags::FSOPEN_CLOEXEC).map_err(failed("open a file system"))?;
    let number = device.as_raw_fd().to_string();
    let settings = [
        ("source", "temblor"),
        ("fd", &number),
        ("rootmode", ROOT),
        ("user_id", "0"),
        ("group_id", "0"),
    ];
    for (name, value) in settings {
        fsconfig_set_string(context.as_fd(), name, value)
            .map_err(failed("set a file system up"))?;
    }
    fsconfig_create(context.as_fd()).map_err(failed("make a file system"))?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOEXEC | MountAttrFlags::MOUNT_ATTR_NOSUID;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
        .map_err(failed("mount a file system"))
}

fn failed(action: &'static str) -> impl Fn(rustix::io::Errno) -> DormitoryError {
    move |error| DormitoryError::Mount {
        action,
        source: Errno::from_raw(error.raw_os_error()),
    }
}

/// Maps the only file of a file system that somebody serves: its root.
pub(super) fn map(mount: &OwnedFd, length: NonZeroUsize) -> Result<Pages, DormitoryError> {
    let path = format!("/proc/self/fd/{}", mount.as_raw_fd());
    let opened = File::open(path).and_then(|file| {
        // The kernel does not know how long it is before it has asked.
        file.metadata()?;
        Ok(file)
    });
    let mapped = opened
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))
        .and_then(|file| Pages::map(file, length));
    mapped.map_err(|source| DormitoryError::Mount {
        action: "map the file",
        source,
    })
}

/// A regular file that root may read, in octal.
const ROOT: &str = "100400";
