//! Socket calls and how each of them ended.

use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    MsgFlags, SockFlag, SockType, SockaddrStorage, bind, connect, sendto, socket,
};
use temblor_tests::order::{Calls, Outcome, SocketCall};

use crate::family;

pub(crate) fn make(order: &Calls) -> Outcome {
    let errnos = (0..order.count).map(|_| match once(order) {
        Ok(()) => 0,
        Err(errno) => errno as i32,
    });
    Outcome::Errnos {
        errnos: errnos.collect(),
    }
}

fn once(order: &Calls) -> Result<(), Errno> {
    let address = SockaddrStorage::from(order.address);
    match order.call {
        SocketCall::Connect => {
            let socket = open(order, SockType::Stream)?;
            connect(socket.as_raw_fd(), &address)
        }
        SocketCall::ConnectUdp => {
            let socket = open(order, SockType::Datagram)?;
            connect(socket.as_raw_fd(), &address)
        }
        SocketCall::Bind => {
            let socket = open(order, SockType::Datagram)?;
            bind(socket.as_raw_fd(), &address)
        }
        SocketCall::SendTo => {
            let socket = open(order, SockType::Datagram)?;
            sendto(socket.as_raw_fd(), b"?", &address, MsgFlags::empty()).map(drop)
        }
        SocketCall::Socket => open(order, SockType::Stream).map(drop),
    }
}

fn open(order: &Calls, kind: SockType) -> Result<OwnedFd, Errno> {
    let family = family::of(order.address);
    socket(family, kind, SockFlag::SOCK_CLOEXEC, None)
}
