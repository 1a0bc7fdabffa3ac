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
    /// Slots that need a thorough program: chosen by socket or connection, or acting otherwise than by
    /// loss or a line.
    pub thorough: u64,
    /// Slots without a port filter.
    pub any_port: u64,
    /// Slots without a peer filter.
    pub any_peer: u64,
    /// Slots without a cgroup filter.
    pub any_cgroup: u64,
    /// Slots without a thread-group filter.
    pub any_thread_group: u64,
    /// Slots that act on whatever file a call is about.
    pub any_file: u64,
    /// Slots that act however many bytes a call is to move.
    pub any_size: u64,
    /// Slots that act however many bytes have been asked for before.
    pub any_room: u64,
    /// Slots that act whatever path the file has.
    pub any_path: u64,
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
    /// How often faults of processes have been armed so far; see [`SocketMark::epoch`].
    pub epoch: u64,
    /// Slots that act whichever system call it is.
    pub any_syscall: u64,
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
    thorough: u64,
    any_port: u64,
    any_peer: u64,
    any_cgroup: u64,
    any_thread_group: u64,
    any_file: u64,
    any_size: u64,
    any_room: u64,
    any_path: u64,
    tcp: u64,
    udp: u64,
    icmp: u64,
    other: u64,
    lockout: u64,
    cgroup_levels: u64,
    epoch: u64,
    any_syscall: u64,
});

/// What a socket's storage says: whose it is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketMark {
    /// Slots of whose targets it is, when this was written.
    pub slots: u64,
    /// [`Select::epoch`] at that time. A slot that was armed in a later epoch has another fault now, and
    /// its bit here is of no account.
    pub epoch: u64,
}

exact_layout!(SocketMark {
    slots: u64,
    epoch: u64
});

/// Byte offsets in this kernel's structures on the way from a socket to its cgroup's number.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketFields {
    /// `sock.sk_cgrp_data.cgroup`, or before 5.15 `sock.sk_cgrp_data.val`; 0 if nothing here is known.
    pub cgroup: u32,
    /// `cgroup.level`.
    pub level: u32,
    /// `cgroup.ancestors`, or before 6.1 `cgroup.ancestor_ids`.
    pub ancestors: u32,
    /// `cgroup.kn`; 0 if the ancestors are not addresses but their numbers.
    pub node: u32,
    /// `kernfs_node.id`.
    pub id: u32,
    /// Always 0.
    pub reserved: u32,
}

exact_layout!(SocketFields {
    cgroup: u32,
    level: u32,
    ancestors: u32,
    node: u32,
    id: u32,
    reserved: u32
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
