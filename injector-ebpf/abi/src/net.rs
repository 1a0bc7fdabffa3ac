//! Packets: constants of the classifier and the delay line.

use crate::layout::exact_layout;
use crate::{HOOKS, SLOTS};

/// Set on a packet that the delay line gives back, cleared before it goes on: the loop guard.
pub const REINJECTED: u32 = 0x7E3B_105A;

/// Set instead on the loopback interface by a line of packets that arrive: these leave it once more
/// before they arrive, and only then is it cleared.
pub const REINJECTED_TO_ARRIVE: u32 = 0x7E3B_105B;

/// Delay lines: one for each hook and slot, at `hook * SLOTS + slot`.
pub const LINES: u32 = HOOKS * SLOTS;

/// An interface that never exists: a redirect there is a loss that the sender does not see.
pub const NOWHERE: u32 = i32::MAX.cast_unsigned();

/// Aggregates longer than this many segments are treated as this many.
pub const MAX_SEGMENTS: u32 = 64;

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
