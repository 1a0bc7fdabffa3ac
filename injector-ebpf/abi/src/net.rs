//! Packets: constants of the classifier and the delay line.

use crate::layout::exact_layout;
use crate::{HOOKS, SLOTS};

/// Set on a packet that we put back on its way, cleared before it goes on: the loop guard. The low
/// byte says what the packet has behind it.
pub const RESUMED: u32 = 0x7E3B_1000;

/// What happens to a packet that may leave its way and come back, in this order. What comes before
/// (partition, loss) happens to no packet that comes back.
pub mod stage {
    pub const CORRUPT: u32 = 0;
    pub const DUPLICATE: u32 = 1;
    pub const RATE: u32 = 2;
    pub const DELAY: u32 = 3;
}

/// Set in the mark of a packet that was arriving when it left its way.
pub const RESUMED_ARRIVING: u32 = 1 << 8;

/// Of a mark, what tells ours from others'.
pub const RESUMED_MASK: u32 = 0xFFFF_FE00;

/// The mark of a packet that has `slot`'s part in `stage` behind it, and all before that.
#[must_use]
pub const fn resume(arriving: bool, stage: u32, slot: u32) -> u32 {
    let way = if arriving { RESUMED_ARRIVING } else { 0 };
    RESUMED | way | stage << 6 | slot
}

/// What the sender of a packet that does not pass hears.
pub mod answer {
    /// Nothing.
    pub const SILENCE: u32 = 0;
    /// The local error, where it is on this host.
    pub const LOCAL_ERROR: u32 = 1;
    /// A TCP reset.
    pub const RESET: u32 = 2;
    /// ICMP: administratively prohibited.
    pub const REJECT: u32 = 3;
}

/// A TCP connection that was open when a fault began to act, as seen from one hook.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// Of this end; IPv4 as mapped.
    pub local: [u8; 16],
    pub peer: [u8; 16],
    /// Where.
    pub hook: u32,
    pub local_port: u16,
    pub peer_port: u16,
}

exact_layout!(Connection {
    local: [u8; 16],
    peer: [u8; 16],
    hook: u32,
    local_port: u16,
    peer_port: u16,
});

/// Open connections that faults can be restricted to, at once.
pub const CONNECTIONS: u32 = 1 << 16;

/// Delay lines: one for each hook and slot, at `hook * SLOTS + slot`.
pub const LINES: u32 = HOOKS * SLOTS;

/// An interface that never exists: a redirect there is a loss that the sender does not see.
pub const NOWHERE: u32 = i32::MAX.cast_unsigned();

/// Aggregates longer than this many segments are treated as this many.
pub const MAX_SEGMENTS: u32 = 64;

/// Bits that `net.corrupt` flips in one packet, at most.
pub const MAX_BITS: u32 = 16;

/// Longest prefix in `BY_PEER`: addresses are IPv6, IPv4 as mapped.
pub const PEER_BITS: u32 = 128;

/// A (local port, protocol) in one hook's namespace that no fault touches unless lock-out is allowed.
///
/// `peer` and `peer_port` are zero for a whole local port.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exempt {
    /// Mapped address of the other end, zero for any.
    pub peer: [u8; 16],
    /// Where.
    pub hook: u32,
    /// 6 or 17.
    pub protocol: u16,
    /// On this host.
    pub local_port: u16,
    /// At the other end, 0 for any.
    pub peer_port: u16,
    /// Always 0.
    pub reserved: u16,
}

exact_layout!(Exempt {
    peer: [u8; 16],
    hook: u32,
    protocol: u16,
    local_port: u16,
    peer_port: u16,
    reserved: u16,
});
