//! Round trip times of open TCP sockets, from `sock_diag(7)`.

use std::io;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags,
};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};

use crate::sys::netns;

/// An established connection as its owner's kernel sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketTime {
    pub local_port: u16,
    pub peer: IpAddr,
    pub peer_port: u16,
    /// As in `/proc/PID/fd`.
    pub inode: u32,
    /// Smoothed, with an eighth of each new measurement (RFC 6298).
    pub round_trip: Duration,
    /// Since the last acknowledgement came: an idle socket's figure is old.
    pub idle: Duration,
}

/// Why the sockets could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum SocketsError {
    #[error("failed to ask the kernel for its sockets")]
    Ask(#[source] io::Error),
    #[error("failed to read the kernel's answer about sockets")]
    Answer,
}

/// Lists the established TCP connections of a network namespace.
pub fn round_trips(namespace: BorrowedFd<'_>) -> Result<Vec<SocketTime>, SocketsError> {
    let answers = netns::within(namespace, || {
        let mut answers = dump(AF_INET, SocketId::new_v4())?;
        answers.extend(dump(AF_INET6, SocketId::new_v6())?);
        Ok(answers)
    });
    let mut sockets = Vec::new();
    for answer in answers.flatten().map_err(SocketsError::Ask)? {
        read_answer(&answer, &mut sockets)?;
    }
    Ok(sockets)
}

/// One datagram of the kernel's, at most as long as it makes them.
const DATAGRAM: usize = 1 << 16;

fn dump(family: u8, socket_id: SocketId) -> io::Result<Vec<Vec<u8>>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&request(family, socket_id), 0)?;
    let mut datagrams = Vec::new();
    loop {
        let mut datagram = Vec::with_capacity(DATAGRAM);
        let length = socket.recv(&mut datagram, 0)?;
        let done = is_last(&datagram);
        datagrams.push(datagram);
        if done || length == 0 {
            return Ok(datagrams);
        }
    }
}

fn request(family: u8, socket_id: SocketId) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let request = InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::INFO,
        states: StateFlags::ESTABLISHED,
        socket_id,
    };
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

type Message = NetlinkMessage<SockDiagMessage>;

fn messages(datagram: &[u8]) -> impl Iterator<Item = Option<Message>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = Message::deserialize(rest).ok();
        let length = message
            .as_ref()
            .map_or(0, |message| message.header.length as usize);
        // Messages are aligned to four bytes; without a length nothing more can be read.
        let next = length.next_multiple_of(4);
        rest = if length == 0 {
            &[]
        } else {
            rest.get(next..).unwrap_or_default()
        };
        Some(message)
    })
}

fn is_last(datagram: &[u8]) -> bool {
    messages(datagram).any(|message| {
        message.is_none_or(|message| !matches!(message.payload, NetlinkPayload::InnerMessage(_)))
    })
}

fn read_answer(datagram: &[u8], sockets: &mut Vec<SocketTime>) -> Result<(), SocketsError> {
    for message in messages(datagram) {
        match message.ok_or(SocketsError::Answer)?.payload {
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                sockets.extend(socket_time(&response));
            }
            NetlinkPayload::Error(error) => return Err(SocketsError::Ask(error.to_io())),
            _ => {}
        }
    }
    Ok(())
}

fn socket_time(response: &InetResponse) -> Option<SocketTime> {
    let times = response.nlas.iter().find_map(|nla| match nla {
        Nla::TcpInfo(times) => Some(times),
        _ => None,
    })?;
    let id = &response.header.socket_id;
    Some(SocketTime {
        local_port: id.source_port,
        peer: id.destination_address.to_canonical(),
        peer_port: id.destination_port,
        inode: response.header.inode,
        round_trip: Duration::from_micros(u64::from(times.rtt)),
        idle: Duration::from_millis(u64::from(times.last_ack_recv)),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd as _;

    use super::round_trips;

    #[test]
    fn the_kernel_lists_our_own_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_accepted, peer) = listener.accept().unwrap();
        // Entering a namespace, even one's own, needs privilege.
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let namespace = File::open("/proc/self/ns/net").unwrap();
        let sockets = round_trips(namespace.as_fd()).unwrap();
        assert!(
            sockets
                .iter()
                .any(|socket| socket.local_port == peer.port()),
            "{sockets:?}"
        );
    }
}
