//! The TCP sockets of a network namespace, from `sock_diag(7)`: `/proc/net/tcp` tells the same and
//! walks all buckets of the kernel's table again for every page that is read of it.

use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
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

/// An open TCP connection, as one of its ends.
#[derive(Clone, Debug)]
pub(crate) struct OpenConnection {
    pub(crate) local: std::net::SocketAddr,
    pub(crate) peer: std::net::SocketAddr,
    /// As in `/proc/PID/fd`; 0 if no process has it any more.
    pub(crate) inode: u32,
    /// The kernel's name for it, which is never used again.
    id: SocketId,
    family: u8,
}

/// Lists the open TCP connections of the calling thread's network namespace.
pub(crate) fn open_connections() -> Result<Vec<OpenConnection>, SocketsError> {
    let states = StateFlags::all() - StateFlags::LISTEN - StateFlags::CLOSE - StateFlags::TIME_WAIT;
    let found = tcp_sockets(&states, &ExtensionFlags::empty())?;
    let open = found.into_iter().map(|response| {
        let id = response.header.socket_id;
        OpenConnection {
            local: (id.source_address.to_canonical(), id.source_port).into(),
            peer: (id.destination_address.to_canonical(), id.destination_port).into(),
            inode: response.header.inode,
            family: response.header.family,
            id,
        }
    });
    Ok(open.collect())
}

/// `SOCK_DESTROY` of `linux/sock_diag.h`.
const DESTROY: u16 = 21;

/// Resets a connection of the calling thread's network namespace: its owner gets `ECONNABORTED`, its
/// peer a reset. It must still be the same one. False if it is gone already.
pub(crate) fn reset(connection: &OpenConnection) -> io::Result<bool> {
    let OpenConnection { id, family, .. } = connection;
    let mut message = request(
        *family,
        id.clone(),
        &StateFlags::all(),
        &ExtensionFlags::empty(),
    );
    // The crate knows no name for it; the header's third field is the message's type, then its flags.
    let flags = NLM_F_REQUEST | NLM_F_ACK;
    for (place, value) in [(4, DESTROY), (6, flags)] {
        if let Some(field) = message.get_mut(place..place + 2) {
            field.copy_from_slice(&value.to_ne_bytes());
        }
    }
    let answers = dump(&message)?;
    let error = answers
        .iter()
        .flat_map(|datagram| messages(datagram))
        .find_map(|message| match message?.payload {
            NetlinkPayload::Error(error) => error.code.map(|_code| error.to_io()),
            _ => None,
        });
    match error {
        None => Ok(true),
        Some(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(false),
        Some(error) => Err(error),
    }
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
