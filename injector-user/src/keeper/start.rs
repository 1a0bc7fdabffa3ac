//! How the engine gets its keeper.

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::getpid;

use super::fault::KeeperError;
use super::handle::{Keeper, farewell};
use super::heart::Heart;
use super::home::Home;
use super::inbox::Inbox;
use super::watch::{Post, watch};
use crate::safety::undo::UndoLog;
use crate::sys::fd::pidfd_open;
use crate::sys::process::{Side, leave, split};

/// What the keeper exits with if it panics, which would be a bug.
const BUG: i32 = 70;

/// Forks the keeper of this process, which must not have started a second thread yet.
pub fn start(log: &UndoLog) -> Result<Keeper, KeeperError> {
    check_threads()?;
    let prepare = |action| move |source| KeeperError::Prepare { action, source };
    let heart = Heart::new().map_err(prepare("share a page"))?;
    let inbox = Inbox::new().map_err(prepare("share a page"))?;
    let engine = pidfd_open(getpid()).map_err(prepare("open our own pidfd"))?;
    let (kind, flags) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
    let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, flags)
        .map_err(prepare("open a pair of sockets"))?;
    let home = Home::make(log)?;
    let voice = io::stderr().as_fd().try_clone_to_owned().ok();
    match split() {
        Ok(Side::Child) => {
            let post = Post {
                engine,
                socket: theirs,
                heart,
                inbox,
                home,
                voice,
            };
            let watched = catch_unwind(AssertUnwindSafe(|| watch(post)));
            leave(watched.unwrap_or(BUG))
        }
        Ok(Side::Parent { child }) => match pidfd_open(child) {
            Ok(pidfd) => Ok(Keeper::new((heart, inbox), ours, pidfd, child, home)),
            Err(source) => {
                // Without it the keeper would take our closed socket for a dead engine.
                farewell(&ours);
                Err(prepare("open the keeper's pidfd")(source))
            }
        },
        Err(source) => {
            if let Some(home) = home {
                home.clear();
            }
            Err(prepare("fork")(source))
        }
    }
}

/// A child of a process with several threads may not even allocate.
fn check_threads() -> Result<(), KeeperError> {
    let threads = fs::read_dir("/proc/self/task").map_err(KeeperError::CountThreads)?;
    match threads.count() {
        1 => Ok(()),
        threads => Err(KeeperError::Threads { threads }),
    }
}
