//! Round trip times of open TCP sockets, from `sock_diag(7)`.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetResponse, StateFlags};

use crate::sys::netns;
use crate::target::{SocketsError, tcp_sockets};

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

/// Lists the established TCP connections of a network namespace.
pub fn round_trips(namespace: BorrowedFd<'_>) -> Result<Vec<SocketTime>, SocketsError> {
    let sockets = netns::within(namespace, || {
        tcp_sockets(&StateFlags::ESTABLISHED, &ExtensionFlags::INFO)
    });
    let sockets = sockets.map_err(SocketsError::Ask)??;
    Ok(sockets.iter().filter_map(socket_time).collect())
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
