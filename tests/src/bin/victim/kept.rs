//! A socket that is kept, and may go from one process to another.

use std::fs::File;
use std::io::{IoSlice, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_user::sys::fd::receive;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg, setsockopt, sockopt};
use nix::sys::time::TimeVal;
use temblor_tests::order::{Hold, Outcome};

use crate::family;

/// A connected socket: questions are written, answers are read.
#[derive(Debug)]
pub(crate) struct Kept(File);

impl Kept {
    pub(crate) fn open(hold: &Hold) -> Result<Self> {
        let Hold { to, tcp, inherited } = *hold;
        let socket = if tcp { stream(to)? } else { datagrams(to)? };
        if inherited {
            fcntl(&socket, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        Ok(Self(socket.into()))
    }

    /// Round trips in microseconds; none where there is no answer in time.
    pub(crate) fn ask(&self, count: u32, patience_ms: u64) -> Result<Outcome> {
        let mut socket = &self.0;
        let patience = i64::try_from(patience_ms)?;
        let patience = TimeVal::new(patience / 1_000, patience % 1_000 * 1_000);
        setsockopt(&socket, sockopt::ReceiveTimeout, &patience)?;
        let mut microseconds = Vec::new();
        for _ in 0..count {
            let begun = Instant::now();
            socket.write_all(b"?")?;
            let answered = socket.read_exact(&mut [0]).is_ok();
            let elapsed = u64::try_from(begun.elapsed().as_micros())?;
            microseconds.push(answered.then_some(elapsed));
        }
        Ok(Outcome::Times { microseconds })
    }

    /// Waits for one at `path`.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let (from, _) = UnixListener::bind(path)?.accept()?;
        let mut readable = [PollFd::new(from.as_fd(), PollFlags::POLLIN)];
        poll(&mut readable, PollTimeout::NONE)?;
        let (_length, [passed, _]) = receive(from.as_fd(), &mut [0])?;
        Ok(Self(passed.context("no socket was passed")?.into()))
    }

    pub(crate) fn give(&self, path: &Path) -> Result<()> {
        let to = connected(path)?;
        let fds = [self.0.as_raw_fd()];
        let parts = [IoSlice::new(b"!")];
        let rights = [ControlMessage::ScmRights(&fds)];
        sendmsg::<()>(to.as_raw_fd(), &parts, &rights, MsgFlags::empty(), None)?;
        Ok(())
    }
}

/// As soon as somebody waits there.
fn connected(path: &Path) -> Result<UnixStream> {
    let mut stream = UnixStream::connect(path);
    temblor_tests::wait_until("somebody takes the socket", Duration::from_secs(20), || {
        if stream.is_err() {
            stream = UnixStream::connect(path);
        }
        stream.is_ok()
    })?;
    Ok(stream?)
}

fn stream(to: SocketAddr) -> Result<OwnedFd> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    Ok(stream.into())
}

fn datagrams(to: SocketAddr) -> Result<OwnedFd> {
    let socket = UdpSocket::bind(family::any(to, 0))?;
    socket.connect(to)?;
    Ok(socket.into())
}
