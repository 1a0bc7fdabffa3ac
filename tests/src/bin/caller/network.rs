//! Calls on sockets.

use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::net::{
    self, AddressFamily, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, sockopt,
};

use crate::calls::Call;

const ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
/// Nobody listens there, which a datagram does not find out.
const NOBODY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9);

#[rustfmt::skip]
pub(crate) const CALLS: &[(&str, Call)] = &[
    ("socket", |_| net::socket(AddressFamily::INET, SocketType::DGRAM, None).map(drop)),
    ("socketpair", |_| {
        let none = SocketFlags::empty();
        net::socketpair(AddressFamily::UNIX, SocketType::STREAM, none, None).map(drop)
    }),
    ("bind", |room| net::bind(&room.unbound, &ANY)),
    ("listen", |room| net::listen(&room.listening, 1)),
    ("connect", |room| net::connect(&room.unconnected, &NOBODY)),
    ("sendto", |room| {
        net::sendto(&room.unconnected, b"?", SendFlags::empty(), &NOBODY).map(drop)
    }),
    ("recvfrom", |room| {
        net::recv(&room.full, &mut [0_u8; 1], RecvFlags::DONTWAIT).map(drop)
    }),
    ("getsockname", |room| net::getsockname(&room.listening).map(drop)),
    ("getpeername", |room| net::getpeername(&room.pair.0).map(drop)),
    ("setsockopt", |room| sockopt::set_socket_keepalive(&room.listening, true)),
    ("getsockopt", |room| sockopt::socket_keepalive(&room.listening).map(drop)),
    ("shutdown", |room| net::shutdown(&room.pair.0, Shutdown::Write)),
];
