//! What an engine tells a crew: one message with the task, the page, and the folder if there is one.

use std::io::IoSlice;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use injector_core::plan::Task;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

use crate::sys::fd::receive;

/// The only word of a crew's command line. It is nobody's to type, and so in no help.
pub const WORKER: &str = "pressure-worker";

/// Longer than any task: a path has 4096 bytes, each of which JSON may write as six.
const LONGEST: usize = 32 << 10;

/// What a crew has been told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) task: Task,
    pub(super) page: OwnedFd,
    pub(super) folder: Option<OwnedFd>,
}

pub(super) fn tell(
    line: BorrowedFd<'_>,
    task: &Task,
    page: BorrowedFd<'_>,
    folder: Option<BorrowedFd<'_>>,
) -> nix::Result<()> {
    let text = serde_json::to_vec(task).map_err(|_never| Errno::EINVAL)?;
    let fds = [Some(page), folder];
    let fds: Vec<_> = fds
        .iter()
        .flatten()
        .map(std::os::fd::AsRawFd::as_raw_fd)
        .collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    let text = [IoSlice::new(&text)];
    sendmsg::<()>(line.as_raw_fd(), &text, &rights, flags, None).map(drop)
}

/// None if the engine has ended, or what came makes no sense.
pub(super) fn hear(line: BorrowedFd<'_>) -> Option<Told> {
    let mut bytes = vec![0; LONGEST];
    let (length, [page, folder]) = receive(line, &mut bytes).ok()?;
    let task = serde_json::from_slice(bytes.get(..length)?).ok()?;
    Some(Told {
        task,
        page: page?,
        folder,
    })
}
