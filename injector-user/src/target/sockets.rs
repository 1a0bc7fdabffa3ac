//! The TCP sockets of a network namespace, from `sock_diag(7)`: `/proc/net/tcp` tells the same and
//! walks all buckets of the kernel's table again for every page that is read of it.

use std::io;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{
    ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags,
};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};

/// Why the sockets could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum SocketsError {
    #[error("failed to ask the kernel for its sockets")]
    Ask(#[source] io::Error),
    #[error("failed to read the kernel's answer about sockets")]
    Answer,
}

/// Lists the TCP sockets in one of these states of the calling thread's network namespace, of both
/// address families.
pub(crate) fn tcp_sockets(
    states: &StateFlags,
    extensions: &ExtensionFlags,
) -> Result<Vec<InetResponse>, SocketsError> {
    let mut sockets = Vec::new();
    for (family, any) in [
        (AF_INET, SocketId::new_v4()),
        (AF_INET6, SocketId::new_v6()),
    ] {
        let request = request(family, any, states, extensions);
        for datagram in dump(&request).map_err(SocketsError::Ask)? {
            read_answer(&datagram, &mut sockets)?;
        }
    }
    Ok(sockets)
}

/// One datagram of the kernel's, at most as long as it makes them.
const DATAGRAM: usize = 1 << 16;

fn dump(request: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(request, 0)?;
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

fn request(
    family: u8,
    socket_id: SocketId,
    states: &StateFlags,
    extensions: &ExtensionFlags,
) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let request = InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: extensions.clone(),
        states: states.clone(),
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

fn read_answer(datagram: &[u8], sockets: &mut Vec<InetResponse>) -> Result<(), SocketsError> {
    for message in messages(datagram) {
        match message.ok_or(SocketsError::Answer)?.payload {
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => {
                sockets.push(*response);
            }
            NetlinkPayload::Error(error) => return Err(SocketsError::Ask(error.to_io())),
            _ => {}
        }
    }
    Ok(())
}
