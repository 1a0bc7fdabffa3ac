//! Where the kernel keeps things.

use crate::layout::exact_layout;

/// Where the kernel keeps what programs of observers read, as byte offsets.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Of a task.
    pub exit_code: u32,
    pub state: u32,
    pub signals: u32,
    /// Of a `struct signal_struct`: the memory of whoever is killed for want of it.
    pub oom_memory: u32,
    /// Of a `struct sock`.
    pub family: u32,
    pub peer4: u32,
    pub peer6: u32,
    pub peer_port: u32,
    pub own_port: u32,
    pub error: u32,
    pub flags: u32,
    /// Of a `struct tcp_sock`.
    pub bytes_sent: u32,
    pub bytes_again: u32,
    pub bytes_received: u32,
    pub round_trip: u32,
    pub retransmitted: u32,
    /// Of a block request.
    pub operation: u32,
    pub started: u32,
    pub length: u32,
    pub bio: u32,
    /// From a `struct bio` to its cgroup.
    pub bio_group: u32,
    pub group_cgroup: u32,
    pub css_cgroup: u32,
}

exact_layout!(Fields {
    exit_code: u32,
    state: u32,
    signals: u32,
    oom_memory: u32,
    family: u32,
    peer4: u32,
    peer6: u32,
    peer_port: u32,
    own_port: u32,
    error: u32,
    flags: u32,
    bytes_sent: u32,
    bytes_again: u32,
    bytes_received: u32,
    round_trip: u32,
    retransmitted: u32,
    operation: u32,
    started: u32,
    length: u32,
    bio: u32,
    bio_group: u32,
    group_cgroup: u32,
    css_cgroup: u32,
});
