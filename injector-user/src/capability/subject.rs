//! The throw-away process that trials are made on.
//!
//! Forked from a thread of an engine that may have others, so it makes system calls and nothing
//! else. It closes all it inherited, and dies with the thread that made it.

use std::ffi::CStr;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd as _, AsRawFd as _, IntoRawFd as _, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::{set_no_new_privs, set_pdeathsig};
use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, bind, connect, getsockname,
    getsockopt, recv, send, sendto, setsockopt, socket, socketpair, sockopt,
};
use nix::sys::stat::Mode;
use nix::sys::uio::pwrite;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpgid, getpid, getppid, pipe};

use nix::errno::Errno;

use super::obstacle::{Obstacle, prepare_errno};
use super::wire::{REPLY, REQUEST, Reply, Request, SOCKETS, STORED};
use crate::clock::monotonic_ns;
use crate::interception::program;
use crate::sys::fd::{close_all_but, pidfd_open, pidfd_signal};
use crate::sys::memory::SharedCells;
use crate::sys::process::{Side, leave, split, split_bare};
use crate::sys::seccomp::{Instruction, install, wait_for_listener};

/// How long anything may take that is expected to happen, on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);

/// Its number in `x86_64`.
pub(super) const GETPGID: u16 = 121;

/// How long a process that has been killed may take to go.
const BURIAL_MS: u16 = 500;

/// Killed and reaped with this value.
#[derive(Debug)]
pub(super) struct Subject {
    pid: Pid,
    pidfd: OwnedFd,
    socket: OwnedFd,
}

impl Subject {
    /// Forks it, into the network namespace of the calling thread.
    pub(super) fn fork() -> Result<Self, Obstacle> {
        let (kind, flags) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
        let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, flags)
            .map_err(prepare_errno("open a pair of sockets"))?;
        let parent = getpid();
        // Made here: the subject may not allocate.
        let filter = program(&[GETPGID]);
        let pid = split_bare(|| live(&theirs, parent, &filter)).map_err(prepare_errno("fork"))?;
        let pidfd = pidfd_open(pid).map_err(prepare_errno("open a pidfd"))?;
        Ok(Self {
            pid,
            pidfd,
            socket: ours,
        })
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) -> nix::Result<()> {
        pidfd_signal(self.pidfd.as_fd(), signal)
    }

    /// Has it do something; the result is that of its call.
    pub(super) fn ask(&self, request: Request) -> Result<nix::Result<u16>, Obstacle> {
        self.tell(request)?;
        match self.hear(PATIENCE * 2)? {
            Some(reply) => Ok(reply.result()),
            None => Err(Obstacle::NotSeen(
                "the trial's process did not answer".to_owned(),
            )),
        }
    }

    /// Sends a request whose answer is awaited by [`Subject::hear`].
    pub(super) fn tell(&self, request: Request) -> Result<(), Obstacle> {
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        let sent = send(self.socket.as_raw_fd(), &request.encode(), flags);
        sent.map(drop)
            .map_err(prepare_errno("talk to the trial's process"))
    }

    /// What it says within `patience`, if anything.
    pub(super) fn hear(&self, patience: Duration) -> Result<Option<Reply>, Obstacle> {
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        let hear = prepare_errno("hear the trial's process");
        if poll(&mut fds, timeout).map_err(&hear)? == 0 {
            return Ok(None);
        }
        let mut bytes = [0; REPLY];
        match recv(self.socket.as_raw_fd(), &mut bytes, MsgFlags::MSG_DONTWAIT).map_err(&hear)? {
            REPLY => Ok(Some(Reply::decode(bytes))),
            _ => Err(Obstacle::NotSeen(
                "the trial's process has ended".to_owned(),
            )),
        }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // If it has died already, there is only the reaping left.
        let _ended = pidfd_signal(self.pidfd.as_fd(), Signal::SIGKILL);
        let mut ended = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        let _ready = poll(&mut ended, PollTimeout::from(BURIAL_MS));
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
        let _reaped = waitid(Id::PIDFd(self.pidfd.as_fd()), flags);
    }
}

/// The subject's life. Only system calls.
fn live(post: &OwnedFd, parent: Pid, filter: &[Instruction]) -> i32 {
    let set_up =
        set_pdeathsig(Signal::SIGKILL).and_then(|()| close_all_but(&mut [post.as_raw_fd()]));
    // The parent may have died before we asked to die with it.
    if set_up.is_err() || getppid() != parent {
        return 1;
    }
    let mut sockets = [const { None }; SOCKETS];
    let mut bytes = [0; REQUEST];
    loop {
        let (fd, flags) = (post.as_raw_fd(), MsgFlags::empty());
        match recv(fd, &mut bytes, flags) {
            Ok(REQUEST) => {}
            Err(Errno::EINTR) => continue,
            _ => return 0,
        }
        let request = Request::decode(bytes);
        let reply = request.map_or(Reply::default(), |request| {
            Reply::of(act(request, &mut sockets))
        });
        if send(fd, &reply.encode(), MsgFlags::MSG_NOSIGNAL).is_err() {
            return 0;
        }
        if request == Some(Request::Filter) && be_filtered(filter).is_err() {
            return 1;
        }
    }
}

/// Where the listener of [`be_filtered`] will be: the lowest number that is free.
fn next_descriptor() -> nix::Result<u16> {
    let next = open()?.into_raw_fd();
    nix::unistd::close(next)?;
    u16::try_from(next).map_err(|_too_high| Errno::EMFILE)
}

/// For good.
fn be_filtered(filter: &[Instruction]) -> nix::Result<()> {
    let listener = match install(filter) {
        Err(Errno::EACCES) => set_no_new_privs().and_then(|()| install(filter)),
        installed => installed,
    }?;
    // Open until whoever is told has taken it.
    wait_for_listener()?;
    drop(listener);
    Ok(())
}

fn act(request: Request, sockets: &mut [Option<OwnedFd>; SOCKETS]) -> nix::Result<u16> {
    match request {
        Request::Ping => Ok(0),
        Request::Open { socket } => {
            let place = sockets.get_mut(usize::from(socket));
            *place.ok_or(Errno::EBADF)? = Some(open()?);
            Ok(0)
        }
        Request::Bind { socket } => {
            let fd = held(sockets, socket)?;
            bind(fd.as_raw_fd(), &loopback(0))?;
            Ok(getsockname::<SockaddrIn>(fd.as_raw_fd())?.port())
        }
        Request::Connect { socket, port } => {
            connect(held(sockets, socket)?.as_raw_fd(), &loopback(port)).map(|()| 0)
        }
        Request::Send { socket, port } => {
            let (fd, flags) = (held(sockets, socket)?.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
            sendto(fd, b"?", &loopback(port), flags).map(|_sent| 0)
        }
        Request::Receive {
            socket,
            milliseconds,
        } => receive(held(sockets, socket)?, milliseconds),
        Request::ConnectInChild { port } => in_child(|| {
            let socket = open()?;
            connect(socket.as_raw_fd(), &loopback(port))
        }),
        Request::GetpgidInChild => in_child(|| getpgid(Some(getpid())).map(drop)),
        Request::Getpgid => getpgid(Some(getpid())).map(|_group| 0),
        Request::Filter => next_descriptor(),
        Request::Write => write_one(),
        Request::SetOption { socket } => {
            setsockopt(held(sockets, socket)?, sockopt::Broadcast, &true).map(|()| 0)
        }
        Request::GetOption { socket } => {
            getsockopt(held(sockets, socket)?, sockopt::Broadcast).map(u16::from)
        }
        Request::Spin { milliseconds } => {
            spin(milliseconds);
            Ok(0)
        }
        Request::Touch { pages } => touch(pages),
        Request::Store { descriptor } => store(descriptor),
    }
}

fn spin(milliseconds: u16) {
    let end = monotonic_ns() + u64::from(milliseconds) * 1_000_000;
    while monotonic_ns() < end {
        std::hint::spin_loop();
    }
}

fn touch(pages: u16) -> nix::Result<u16> {
    const CELLS: usize = 512;
    let count = NonZeroUsize::new(usize::from(pages) * CELLS).ok_or(Errno::EINVAL)?;
    let memory = SharedCells::map(count)?;
    let firsts = memory.cells().iter().step_by(CELLS);
    firsts.for_each(|cell| cell.store(1, Ordering::Relaxed));
    Ok(pages)
}

/// As the kernel wants what bypasses the page cache.
#[repr(align(4096))]
struct Block([u8; STORED]);

static BLOCK: Block = Block([0; STORED]);

fn store(descriptor: u16) -> nix::Result<u16> {
    let mut path = [0; 64];
    let parent = getppid();
    let written = write!(path.as_mut_slice(), "/proc/{parent}/fd/{descriptor}");
    written.map_err(|_too_long| Errno::E2BIG)?;
    let path = CStr::from_bytes_until_nul(&path).map_err(|_too_long| Errno::E2BIG)?;
    let flags = OFlag::O_WRONLY | OFlag::O_DIRECT | OFlag::O_CLOEXEC;
    let file = nix::fcntl::open(path, flags, Mode::empty())?;
    let written = pwrite(&file, &BLOCK.0, 0)?;
    u16::try_from(written).map_err(|_too_many| Errno::EOVERFLOW)
}

fn receive(socket: &OwnedFd, milliseconds: u16) -> nix::Result<u16> {
    let mut readable = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut readable, PollTimeout::from(milliseconds))?;
    recv(socket.as_raw_fd(), &mut [0], MsgFlags::MSG_DONTWAIT).map(|_received| 0)
}

/// The exit status of the child is its errno.
fn in_child(work: impl FnOnce() -> nix::Result<()>) -> nix::Result<u16> {
    match split()? {
        Side::Child => {
            let done = set_pdeathsig(Signal::SIGKILL).and_then(|()| work());
            leave(done.map_or_else(|errno| errno as i32, |()| 0))
        }
        Side::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Exited(_, 0) => Ok(0),
            WaitStatus::Exited(_, errno) => Err(Errno::from_raw(errno)),
            _ => Err(Errno::ECHILD),
        },
    }
}

fn write_one() -> nix::Result<u16> {
    let (_reader, writer) = pipe()?;
    nix::unistd::write(writer, b"?").map(|_written| 0)
}

fn open() -> nix::Result<OwnedFd> {
    socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
}

fn held(sockets: &[Option<OwnedFd>; SOCKETS], socket: u8) -> nix::Result<&OwnedFd> {
    let held = sockets.get(usize::from(socket)).and_then(Option::as_ref);
    held.ok_or(Errno::EBADF)
}

fn loopback(port: u16) -> SockaddrIn {
    SockaddrIn::new(127, 0, 0, 1, port)
}
