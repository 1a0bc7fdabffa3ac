//! Which faults an event concerns, as bit masks of slots.
//!
//! `mask = armed here; mask &= any_X | by_X[value]` for each dimension X in use: the cost grows with
//! the dimensions, not with the faults.

use crate::layout::exact_layout;

/// What is armed at one hook.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Armed {
    /// Slots whose faults act here. Set last, cleared first.
    pub slots: u64,
    /// Number of entries in `EXEMPT` for this hook: 0 spares the look-up.
    pub exempt: u64,
}

exact_layout!(Armed {
    slots: u64,
    exempt: u64
});

/// Slots that a dimension does not restrict, and slots by kind.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// Slots of `net.loss`.
    pub loss: u64,
    /// Slots of `net.delay`.
    pub delay: u64,
    /// Slots of `net.partition`.
    pub partition: u64,
    /// Slots of `net.corrupt` that flip bits where the packet is.
    pub corrupt: u64,
    /// Slots of `net.corrupt` that send packets through a line, where their checksum is completed.
    pub corrupt_line: u64,
    /// Slots of `net.duplicate`.
    pub duplicate: u64,
    /// Slots of `net.rate`.
    pub rate: u64,
    /// Slots that act whatever connection a packet belongs to.
    pub any_connection: u64,
    /// Slots that act on packets that open a connection.
    pub opening: u64,
    /// Slots that answer the sender, and so leave answers alone.
    pub answering: u64,
    /// Slots without a port filter.
    pub any_port: u64,
    /// Slots without a peer filter.
    pub any_peer: u64,
    /// Slots without a cgroup filter.
    pub any_cgroup: u64,
    /// Slots without a thread-group filter.
    pub any_thread_group: u64,
    /// Slots that act on TCP.
    pub tcp: u64,
    /// Slots that act on UDP.
    pub udp: u64,
    /// Slots that act on ICMP and `ICMPv6`.
    pub icmp: u64,
    /// Slots that act on any other protocol.
    pub other: u64,
    /// Slots that were allowed to touch the connections that keep the caller in.
    pub lockout: u64,
    /// Bit n: some target is a cgroup n levels below the root.
    pub cgroup_levels: u64,
}

exact_layout!(Select {
    loss: u64,
    delay: u64,
    partition: u64,
    corrupt: u64,
    corrupt_line: u64,
    duplicate: u64,
    rate: u64,
    any_connection: u64,
    opening: u64,
    answering: u64,
    any_port: u64,
    any_peer: u64,
    any_cgroup: u64,
    any_thread_group: u64,
    tcp: u64,
    udp: u64,
    icmp: u64,
    other: u64,
    lockout: u64,
    cgroup_levels: u64,
});

/// A thread group's place in a fault's history: its own hit indices, whatever other processes do.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamKey {
    /// The fault.
    pub slot: u32,
    /// The thread group.
    pub tgid: u32,
}

exact_layout!(StreamKey {
    slot: u32,
    tgid: u32
});

/// What is kept of a stream: its ordinal, the index of its last hit, and how many hits suffered.
pub type Stream = [u64; 3];
