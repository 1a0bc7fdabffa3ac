//! Removes a throw-away cgroup when the process that made it has been killed.
//!
//! A cgroup outlives its maker, and one of version 1 that is frozen keeps even a killed process. So
//! before the cgroup is made, a process is forked that waits for the maker to die, thaws the cgroup
//! and removes it. Like the subject it makes system calls and nothing else.

use std::ffi::CString;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open};
use nix::poll::{PollTimeout, poll};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::sys::stat::Mode;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{UnlinkatFlags, setsid, unlinkat, write};

use super::obstacle::{Obstacle, prepare, prepare_errno};
use crate::freezer::Flavour;
use crate::sys::fd::{close_all_but, pidfd_open};
use crate::sys::process::split_bare;

/// Dropping it sends the guard away.
#[derive(Debug)]
pub(super) struct Guard {
    socket: OwnedFd,
    pidfd: OwnedFd,
}

/// How often the guard tries to remove the cgroup, once it must.
const TRIES: u8 = 200;
/// How long it waits in between: what was in the cgroup is just dying.
const BETWEEN_MS: u8 = 10;

impl Guard {
    /// Forks the guard of the cgroup at `folder`, which need not exist yet.
    pub(super) fn fork(folder: &Path, flavour: Flavour) -> Result<Self, Obstacle> {
        let (file, word) = match flavour {
            Flavour::V2 => ("cgroup.freeze", &b"0"[..]),
            Flavour::V1 => ("freezer.state", &b"THAWED"[..]),
        };
        let text = |path: &Path| {
            CString::new(path.as_os_str().as_bytes())
                .map_err(|error| prepare("name a cgroup")(error.into()))
        };
        let (control, folder) = (text(&folder.join(file))?, text(folder)?);
        let (kind, flags) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
        let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, flags)
            .map_err(prepare_errno("open a pair of sockets"))?;
        let pid = split_bare(|| watch(&theirs, &control, word, &folder))
            .map_err(prepare_errno("fork"))?;
        let pidfd = pidfd_open(pid).map_err(prepare_errno("open a pidfd"))?;
        Ok(Self {
            socket: ours,
            pidfd,
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Should it not hear us, it will find nothing to remove.
        let _sent = send(self.socket.as_raw_fd(), b"q", MsgFlags::MSG_NOSIGNAL);
        let _reaped = waitid(Id::PIDFd(self.pidfd.as_fd()), WaitPidFlag::WEXITED);
    }
}

/// The guard's life. Only system calls.
fn watch(post: &OwnedFd, control: &CString, word: &[u8], folder: &CString) -> i32 {
    // Out of reach of what a terminal sends to the group of its maker.
    let _leader_already = setsid();
    if close_all_but(&mut [post.as_raw_fd()]).is_err() {
        return 1;
    }
    let mut byte = [0];
    loop {
        match recv(post.as_raw_fd(), &mut byte, MsgFlags::empty()) {
            Ok(1) => return 0,
            Err(Errno::EINTR) => {}
            _ => break,
        }
    }
    if let Ok(control) = open(control.as_c_str(), OFlag::O_WRONLY, Mode::empty()) {
        let _thawed = write(control.as_fd(), word);
    }
    for _ in 0..TRIES {
        match unlinkat(AT_FDCWD, folder.as_c_str(), UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => return 0,
            Err(_busy) => {}
        }
        let _slept = poll(&mut [], PollTimeout::from(BETWEEN_MS));
    }
    1
}
