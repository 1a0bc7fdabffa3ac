//! What a trial and its subject say to each other: one small message each way.

use nix::errno::Errno;

/// How many sockets a subject keeps.
pub(super) const SOCKETS: usize = 4;

/// What a subject is to do, and with which of its sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Say that it runs.
    Ping,
    /// Make a UDP socket.
    Open {
        socket: u8,
    },
    /// Bind it to the loopback address; the answer's value is the port.
    Bind {
        socket: u8,
    },
    Connect {
        socket: u8,
        port: u16,
    },
    /// Send one byte to a port of the loopback address, without connecting.
    Send {
        socket: u8,
        port: u16,
    },
    /// Receive one packet, waiting at most so long.
    Receive {
        socket: u8,
        milliseconds: u16,
    },
    /// Let a child of its own make a socket and connect it.
    ConnectInChild {
        port: u16,
    },
    /// Let it send broadcasts.
    SetOption {
        socket: u8,
    },
    /// Ask whether it may.
    GetOption {
        socket: u8,
    },
    /// Ask for its process group, by its number: for "mine" the kernel asks no security hook.
    Getpgid,
    /// The same by a child of its own.
    GetpgidInChild,
    /// Write one byte into a pipe.
    Write,
    /// Install a filter that tells of that, and wait for whoever has the listener; the answer's value is
    /// its number.
    Filter,
    /// Use a processor for so long.
    Spin {
        milliseconds: u16,
    },
    /// Write to so many pages of memory, and give them back.
    Touch {
        pages: u16,
    },
    /// Write [`STORED`] bytes to what the parent has open by this number, past the page cache.
    Store {
        descriptor: u16,
    },
}

/// How it went: an errno, 0 if well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) errno: i32,
    pub(super) value: u16,
}

/// As many as one request to a disk takes.
pub(super) const STORED: usize = 16 << 10;

pub(super) const REQUEST: usize = 4;
pub(super) const REPLY: usize = 6;

impl Request {
    pub(super) fn encode(self) -> [u8; REQUEST] {
        let (operation, socket, number) = match self {
            Self::Ping => (0, 0, 0),
            Self::Open { socket } => (1, socket, 0),
            Self::Bind { socket } => (2, socket, 0),
            Self::Connect { socket, port } => (3, socket, port),
            Self::Send { socket, port } => (4, socket, port),
            Self::Receive {
                socket,
                milliseconds,
            } => (5, socket, milliseconds),
            Self::ConnectInChild { port } => (6, 0, port),
            Self::Getpgid => (7, 0, 0),
            Self::GetpgidInChild => (9, 0, 0),
            Self::Filter => (8, 0, 0),
            Self::Write => (14, 0, 0),
            Self::SetOption { socket } => (10, socket, 0),
            Self::GetOption { socket } => (11, socket, 0),
            Self::Spin { milliseconds } => (12, 0, milliseconds),
            Self::Touch { pages } => (13, 0, pages),
            Self::Store { descriptor } => (15, 0, descriptor),
        };
        let [low, high] = number.to_le_bytes();
        [operation, socket, low, high]
    }

    pub(super) fn decode([operation, socket, low, high]: [u8; REQUEST]) -> Option<Self> {
        let number = u16::from_le_bytes([low, high]);
        Some(match operation {
            0 => Self::Ping,
            1 => Self::Open { socket },
            2 => Self::Bind { socket },
            3 => Self::Connect {
                socket,
                port: number,
            },
            4 => Self::Send {
                socket,
                port: number,
            },
            5 => Self::Receive {
                socket,
                milliseconds: number,
            },
            6 => Self::ConnectInChild { port: number },
            7 => Self::Getpgid,
            9 => Self::GetpgidInChild,
            8 => Self::Filter,
            14 => Self::Write,
            10 => Self::SetOption { socket },
            11 => Self::GetOption { socket },
            12 => Self::Spin {
                milliseconds: number,
            },
            13 => Self::Touch { pages: number },
            15 => Self::Store { descriptor: number },
            _ => return None,
        })
    }
}

impl Reply {
    pub(super) fn of(done: nix::Result<u16>) -> Self {
        match done {
            Ok(value) => Self { errno: 0, value },
            Err(errno) => Self {
                errno: errno as i32,
                value: 0,
            },
        }
    }

    pub(super) fn encode(self) -> [u8; REPLY] {
        let mut bytes = [0; REPLY];
        let parts = self.errno.to_le_bytes().into_iter();
        for (to, from) in bytes.iter_mut().zip(parts.chain(self.value.to_le_bytes())) {
            *to = from;
        }
        bytes
    }

    pub(super) fn decode([first @ .., low, high]: [u8; REPLY]) -> Self {
        Self {
            errno: i32::from_le_bytes(first),
            value: u16::from_le_bytes([low, high]),
        }
    }

    /// What the call gave.
    pub(super) fn result(self) -> nix::Result<u16> {
        match self.errno {
            0 => Ok(self.value),
            errno => Err(Errno::from_raw(errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::{Reply, Request};

    #[test]
    fn requests_and_replies_arrive_as_they_were() {
        let socket = 3;
        let requests = [
            Request::Ping,
            Request::Open { socket },
            Request::Bind { socket },
            Request::Connect { socket, port: 1 },
            Request::Send {
                socket,
                port: 65_535,
            },
            Request::Receive {
                socket,
                milliseconds: 300,
            },
            Request::ConnectInChild { port: 9 },
            Request::Getpgid,
            Request::GetpgidInChild,
            Request::SetOption { socket },
            Request::GetOption { socket },
            Request::Write,
            Request::Spin { milliseconds: 120 },
            Request::Touch { pages: 300 },
            Request::Store { descriptor: 1_023 },
        ];
        for request in requests {
            assert_eq!(Request::decode(request.encode()), Some(request));
        }
        for done in [Ok(65_535), Err(Errno::EHOSTDOWN)] {
            assert_eq!(Reply::decode(Reply::of(done).encode()).result(), done);
        }
    }
}
