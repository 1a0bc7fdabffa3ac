//! Who talks to whom, and what is kept of it meanwhile.

use crate::layout::exact_layout;

/// Roles of an end of a connection.
pub mod role {
    /// It asked for the connection, or sends to a lower port than its own.
    pub const CLIENT: u8 = 0;
    /// It listened.
    pub const SERVER: u8 = 1;
}

/// Protocols of an edge.
pub mod protocol {
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
}

/// Who talks to whom: from a class to the port of a peer, or from a peer to a port of the class.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeKey {
    /// IPv6, or IPv4 mapped into it.
    pub peer: [u8; 16],
    pub class: u32,
    /// Of the server, in the host's order.
    pub port: u16,
    /// Of the class: one of [`role`].
    pub role: u8,
    pub protocol: u8,
}

exact_layout!(EdgeKey {
    peer: [u8; 16],
    class: u32,
    port: u16,
    role: u8,
    protocol: u8
});

/// What went over an edge; for each processor.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// Connections made; of UDP, packets.
    pub opened: u64,
    /// Connections that were asked for and not made.
    pub failed: u64,
    pub closed: u64,
    pub sent: u64,
    pub received: u64,
    /// Segments sent again.
    pub retransmitted: u64,
    /// Sum of the smoothed round trip whenever a segment has moved something, in microseconds.
    pub round_trip_us: u64,
    /// Over so many.
    pub round_trips: u64,
}

exact_layout!(Edge {
    opened: u64,
    failed: u64,
    closed: u64,
    sent: u64,
    received: u64,
    retransmitted: u64,
    round_trip_us: u64,
    round_trips: u64,
});

/// Edges at once.
pub const EDGES: u32 = 4_096;

/// What is kept of a connection until its end: from its beginning, or since it was first seen.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// The other end, as in [`EdgeKey`].
    pub peer: [u8; 16],
    /// Monotonic nanoseconds when it was asked for.
    pub asked_ns: u64,
    /// That of [`Watch`] when the class was looked up.
    ///
    /// [`Watch`]: super::Watch
    pub epoch: u64,
    /// Bytes that have been counted.
    pub sent: u64,
    pub received: u64,
    /// Segments sent again that have been counted.
    pub retransmitted: u32,
    pub class: u32,
    /// The process that has asked for it, 0 where none is known.
    pub asker: u32,
    /// Of the server: the kernel has forgotten it when the connection ends.
    pub port: u16,
    pub role: u16,
}

exact_layout!(Flow {
    peer: [u8; 16],
    asked_ns: u64,
    epoch: u64,
    sent: u64,
    received: u64,
    retransmitted: u32,
    class: u32,
    asker: u32,
    port: u16,
    role: u16
});

/// Connections at once; those that were used longest ago make room.
pub const FLOWS: u32 = 1 << 16;

/// A question to a name server that has no answer yet.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QuestionKey {
    pub server: [u8; 16],
    pub class: u32,
    /// The asker's port.
    pub port: u16,
    /// Its own number for the question.
    pub id: u16,
}

exact_layout!(QuestionKey {
    server: [u8; 16],
    class: u32,
    port: u16,
    id: u16
});

/// Questions at once; the oldest make room.
pub const QUESTIONS: u32 = 1 << 13;
