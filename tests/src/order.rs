//! What a test tells a `victim` to do, and what the victim tells of it: JSON, one object a line.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Something to do, now and once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Order {
    /// Echo datagrams from now on; answered when it listens.
    EchoUdp { at: SocketAddr },
    /// Echo TCP connections from now on; answered when it listens.
    EchoTcp { at: SocketAddr },
    /// Numbered datagrams of `size` bytes to an echo.
    Datagrams(Datagrams),
    /// One datagram after the other, each awaited.
    UdpTimes(Times),
    /// One byte after the other over one TCP connection, each awaited.
    TcpTimes(Times),
    /// Content through a TCP echo and back.
    Bulk { to: SocketAddr, bytes: usize },
    /// Socket calls.
    Calls(Calls),
    /// Note the time every 5 ms from now on.
    Tick,
    /// The pauses between two notes that were longer than this, since the last such order.
    Pauses { longer_than_ms: u64 },
    /// Add a line with the own process number to the file for each such signal from now on, and do
    /// nothing else about it.
    Catch { number: i32, file: PathBuf },
    /// Start a child process like this one, for [`Doer::Child`].
    Bear,
    /// Have somebody else do it.
    By { doer: Doer, order: Box<Self> },
    /// Keep a connection open and talk over it all the time, for whoever measures it.
    /// Answered with its own address.
    Chat { to: SocketAddr },
    /// Open a socket to an echo and keep it.
    Hold(Hold),
    /// Ask so often over the socket that is kept, one question after the other.
    Ask { count: u32, patience_ms: u64 },
    /// Wait at this path for a socket, and keep it.
    Take { path: PathBuf },
    /// Pass the socket that is kept on to whoever waits at this path.
    Give { path: PathBuf, keep: bool },
    /// How often question and answer went over that connection.
    Chatted,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Datagrams {
    pub to: SocketAddr,
    pub count: u32,
    pub size: usize,
    /// Own port; 0 for any.
    pub from_port: u16,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hold {
    pub to: SocketAddr,
    /// A TCP connection; else a connected UDP socket.
    pub tcp: bool,
    /// Children that are born later have it too.
    pub inherited: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Times {
    pub to: SocketAddr,
    pub count: u32,
    /// After which an answer counts as lost.
    pub patience_ms: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calls {
    pub call: SocketCall,
    /// The address in the call; only its family for `socket`.
    pub address: SocketAddr,
    pub count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SocketCall {
    /// A TCP connection.
    Connect,
    /// Connecting a UDP socket.
    ConnectUdp,
    Bind,
    /// `sendto` on an unconnected UDP socket.
    SendTo,
    Socket,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doer {
    /// A new thread of the victim.
    Thread,
    /// The child that the victim has; a new one if it has none.
    Child,
    /// A new child.
    NewChild,
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Outcome {
    Done,
    Listening {
        at: SocketAddr,
    },
    Datagrams {
        /// The numbers of those that came back, ascending.
        answered: Vec<u32>,
        /// Errors that sending or the socket's error queue told, as errno.
        errors: Vec<i32>,
        /// How many came back once more.
        again: u32,
    },
    /// Microseconds; none where there was no answer in time.
    Times {
        microseconds: Vec<Option<u64>>,
    },
    Bulk {
        /// Whether what came back is what was sent.
        same: bool,
    },
    /// 0 where the call was allowed.
    Errnos {
        errnos: Vec<i32>,
    },
    Pauses {
        milliseconds: Vec<u64>,
    },
    Chatted {
        exchanges: u64,
    },
    Born {
        pid: i32,
    },
    Failed {
        error: String,
    },
}
