//! Whose open sockets are, written into the sockets themselves: new ones are marked in the kernel when
//! they are made, the others here, through descriptors of our own that are closed at once.
//!
//! A socket that somebody holds who is not the target is not the target's: it is left alone, and so is
//! one that the target has given away. It is looked again and again; in between, a socket that changes
//! hands is still taken for what it was.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::path::Path;

use injector_abi::{SLOTS, SocketMark};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockaddrLike as _, SockaddrStorage, getsockname};
use nix::sys::stat::fstat;
use nix::unistd::Pid;

use super::maps::Tables;
use super::rows::Rows;
use super::slots::Slot;
use crate::clock::monotonic_ns;
use crate::sys::fd::{pidfd_getfd, pidfd_open};
use crate::sys::storage;

/// Why sockets could not be marked.
#[derive(Debug, thiserror::Error)]
pub enum SocketsError {
    #[error("failed to list processes")]
    Processes(#[source] io::Error),
    #[error("failed to get socket {inode} of process {pid}")]
    Get {
        pid: i32,
        inode: u64,
        #[source]
        source: io::Error,
    },
    #[error("failed to mark socket {inode} of process {pid}")]
    Mark {
        pid: i32,
        inode: u64,
        #[source]
        source: io::Error,
    },
}

/// What is known of the host's sockets while some fault tells packets by them.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    /// Slots of the faults that do.
    slots: u64,
    /// By inode; as of the last look.
    seen: BTreeMap<u64, Seen>,
    /// Somebody who holds a target's socket and is not the target, by slot.
    sharers: BTreeMap<Slot, i32>,
    /// When the next look may be, monotonic.
    due_ns: u64,
}

/// What a socket was found to be.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Of another address family: it sends no packets.
    elsewhere: bool,
    mark: SocketMark,
}

/// Who holds a socket.
#[derive(Clone, Copy, Debug)]
struct Held {
    /// Slots of which every holder is a target.
    all: u64,
    /// Slots of which some holder is one.
    any: u64,
    /// A holder who is not a target of all of those.
    other: Option<i32>,
    pid: i32,
    fd: RawFd,
}

/// Looking may take a part of the engine's time: it rests as many times as long as it took.
const REST: u64 = 20;

impl Sockets {
    /// The fault in `slot` tells packets by sockets from now on.
    pub(super) fn begin(&mut self, slot: Slot) {
        self.slots |= 1 << slot;
    }

    /// What sockets were marked with for it is void when the slot is used again.
    pub(super) fn end(&mut self, slot: Slot) {
        self.slots &= !(1 << slot);
        self.sharers.remove(&slot);
        if self.slots == 0 {
            *self = Self::default();
        }
    }

    pub(super) fn concern(&self, slot: Slot) -> bool {
        self.slots & 1 << slot != 0
    }

    pub(super) fn shared_with(&self, slot: Slot) -> Option<i32> {
        self.sharers.get(&slot).copied()
    }

    pub(super) fn is_due(&self, now_ns: u64) -> bool {
        self.slots != 0 && now_ns >= self.due_ns
    }

    /// Brings the marks of all sockets up to date.
    pub(super) fn look(&mut self, tables: &Tables, epoch: u64) -> Result<(), SocketsError> {
        let begun_ns = monotonic_ns();
        let held = self.held(tables)?;
        let first = self.seen.is_empty();
        let mut now = BTreeMap::new();
        for (inode, held) in &held {
            let wanted = SocketMark {
                slots: held.all,
                epoch,
            };
            let before = self.seen.get(inode).copied();
            // Before anything is marked, nobody else's socket can be.
            let clean = (first && held.any == 0).then(Seen::default);
            let seen = match before.or(clean) {
                Some(seen) if seen.fits(wanted) => Some(seen),
                _ => mark(tables, *inode, held, wanted)?,
            };
            if let Some(seen) = seen {
                self.note_sharer(seen, held);
                now.insert(*inode, seen);
            }
        }
        self.seen = now;
        let ended_ns = monotonic_ns();
        self.due_ns = ended_ns + (ended_ns - begun_ns) * REST;
        Ok(())
    }

    /// Every socket that a process has a descriptor of.
    fn held(&mut self, tables: &Tables) -> Result<BTreeMap<u64, Held>, SocketsError> {
        let open = all_open()?;
        // After the list: a child that is in it is in here, since the kernel puts it in when it is made.
        let targets = Rows::slots_by_thread_group(tables);
        let mut found: BTreeMap<u64, Held> = BTreeMap::new();
        for (inode, pid, fd) in open {
            let slots = targets.get(&pid.cast_unsigned()).copied().unwrap_or(0) & self.slots;
            let held = found.entry(inode).or_insert(Held {
                all: slots,
                any: slots,
                other: None,
                pid,
                fd,
            });
            held.add(pid, slots);
        }
        Ok(found)
    }

    /// The first that is found for a slot stands for all: it is said once.
    fn note_sharer(&mut self, seen: Seen, held: &Held) {
        let shared = held.any & !held.all;
        if let Some(other) = held.other.filter(|_| !seen.elsewhere) {
            for slot in (0..SLOTS).filter(|slot| shared & 1 << slot != 0) {
                self.sharers.entry(slot).or_insert(other);
            }
        }
    }
}

impl Held {
    fn add(&mut self, pid: i32, slots: u64) {
        let any = self.any | slots;
        if slots != any {
            self.other = Some(pid);
        } else if self.any != any {
            self.other = Some(self.pid);
        }
        self.any = any;
        self.all &= slots;
    }
}

impl Seen {
    /// Whether the socket says already what it should.
    fn fits(self, wanted: SocketMark) -> bool {
        let unmarked = (self.mark.slots, wanted.slots) == (0, 0);
        self.elsewhere || unmarked || self.mark == wanted
    }
}

/// Writes a mark; none if the socket is gone or somebody else's who does not let us.
fn mark(
    tables: &Tables,
    inode: u64,
    held: &Held,
    mark: SocketMark,
) -> Result<Option<Seen>, SocketsError> {
    let pid = held.pid;
    let socket = match get(pid, held.fd, inode) {
        Ok(Some(socket)) => socket,
        Ok(None) => return Ok(None),
        Err(_forbidden) if held.any == 0 => return Ok(None),
        Err(errno) => {
            let source = errno.into();
            return Err(SocketsError::Get { pid, inode, source });
        }
    };
    if !is_of_internet(&socket) {
        return Ok(Some(Seen {
            elsewhere: true,
            ..Seen::default()
        }));
    }
    let map = tables.sockets.fd().as_fd();
    let written = if mark.slots == 0 {
        storage::clear(map, socket.as_fd())
    } else {
        storage::write(map, socket.as_fd(), &[mark.slots, mark.epoch])
    };
    written.map_err(|source| SocketsError::Mark { pid, inode, source })?;
    Ok(Some(Seen {
        elsewhere: false,
        mark,
    }))
}

/// A descriptor of our own of what the process has under this number, if it is still that socket.
fn get(pid: i32, fd: RawFd, inode: u64) -> nix::Result<Option<OwnedFd>> {
    let got = pidfd_open(Pid::from_raw(pid)).and_then(|process| pidfd_getfd(process.as_fd(), fd));
    match got {
        Ok(socket) => Ok((fstat(&socket)?.st_ino == inode).then_some(socket)),
        Err(Errno::ESRCH | Errno::EBADF) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn is_of_internet(socket: &OwnedFd) -> bool {
    let address = getsockname::<SockaddrStorage>(socket.as_raw_fd());
    let family = address.ok().and_then(|address| address.family());
    matches!(family, Some(AddressFamily::Inet | AddressFamily::Inet6))
}

/// Every open socket: inode, process and descriptor. What vanishes meanwhile is not open.
fn all_open() -> Result<Vec<(u64, i32, RawFd)>, SocketsError> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").map_err(SocketsError::Processes)? {
        let Ok(process) = process else { continue };
        let Some(pid) = number(&process.file_name()) else {
            continue;
        };
        let descriptors = fs::read_dir(process.path().join("fd"));
        for descriptor in descriptors.into_iter().flatten().flatten() {
            let target = fs::read_link(descriptor.path()).ok();
            let inode = target.as_deref().and_then(socket_inode);
            let fd = number(&descriptor.file_name());
            found.extend(inode.zip(fd).map(|(inode, fd)| (inode, pid, fd)));
        }
    }
    Ok(found)
}

fn number(name: &OsStr) -> Option<i32> {
    name.to_str()?.parse().ok()
}

/// The number in `socket:[123]`.
fn socket_inode(link: &Path) -> Option<u64> {
    let text = link.to_str()?.strip_prefix("socket:[")?;
    text.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Held, socket_inode};

    fn held(holders: &[(i32, u64)]) -> (u64, u64, Option<i32>) {
        let (pid, slots) = holders[0];
        let mut held = Held {
            all: slots,
            any: slots,
            other: None,
            pid,
            fd: 3,
        };
        for (pid, slots) in holders {
            held.add(*pid, *slots);
        }
        (held.all, held.any, held.other)
    }

    #[test]
    fn a_socket_is_a_targets_only_if_every_holder_is_one() {
        assert_eq!(held(&[(1, 5), (2, 5)]), (5, 5, None));
        assert_eq!(held(&[(1, 1), (2, 0)]), (0, 1, Some(2)));
        assert_eq!(held(&[(2, 0), (1, 1)]), (0, 1, Some(2)));
        assert_eq!(held(&[(1, 3), (2, 1)]), (1, 3, Some(2)));
    }

    #[test]
    fn only_links_to_sockets_are_read_as_such() {
        assert_eq!(socket_inode(Path::new("socket:[4711]")), Some(4711));
        assert_eq!(socket_inode(Path::new("pipe:[4711]")), None);
        assert_eq!(socket_inode(Path::new("/tmp/socket:[1]")), None);
    }
}
