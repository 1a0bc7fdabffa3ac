//! Files without a name: the kernel takes them back when the process ends that has them open.

use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Makes one in `folder`. Where the file system can only make files with a name, it has one for the
/// moment in which it is still empty.
pub(super) fn make(folder: &OwnedFd, flags: OFlag) -> nix::Result<File> {
    let flags = flags | OFlag::O_RDWR | OFlag::O_CLOEXEC;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    match openat(folder.as_fd(), ".", flags | OFlag::O_TMPFILE, mode) {
        // The last one: a kernel whose file system takes it for the folder itself.
        Err(Errno::EOPNOTSUPP | Errno::ENOENT | Errno::EISDIR) => {}
        made => return made.map(File::from),
    }
    let name = format!(".temblor-{}", std::process::id());
    let new = flags | OFlag::O_CREAT | OFlag::O_EXCL;
    let file = openat(folder.as_fd(), name.as_str(), new, mode)?;
    unlinkat(folder.as_fd(), name.as_str(), UnlinkatFlags::NoRemoveDir)?;
    Ok(file.into())
}
