//! The headers of a packet that is not plain, or not in one piece: options, extensions, fragments.

use aya_ebpf::bindings::__sk_buff;

use crate::skb::load;

/// The protocol, the first bytes after the headers and where they are, zero in a fragment that is not
/// the first.
#[inline(always)]
pub fn walked(skb: *mut __sk_buff, offset: u32, is_v4: bool) -> Option<(u8, [u8; 4], u32)> {
    let found = walk(skb, offset, u32::from(is_v4));
    let first = ((found >> 32) as u32).to_ne_bytes();
    let at = (found as u32) >> AT;
    (found & FOUND != 0).then_some((found as u8, first, at))
}

const FOUND: u64 = 1 << 8;
const AT: u32 = 9;

/// Protocol in the low byte, then whether there is any, where the headers end, and in the high half the
/// first bytes after them. A function of its own, like [`transport`], so that the verifier checks it once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn walk(skb: *mut __sk_buff, offset: u32, is_v4: u32) -> u64 {
    let (at, protocol) = if is_v4 != 0 {
        let mut header = [0_u8; 20];
        if !load(skb, offset, &mut header) {
            return 0;
        }
        let is_later_fragment = header[6] & 0x1F != 0 || header[7] != 0;
        let end = offset + u32::from(header[0] & 0xF) * 4;
        (if is_later_fragment { 0 } else { end }, header[9])
    } else {
        let mut header = [0_u8; 8];
        if !load(skb, offset, &mut header) {
            return 0;
        }
        let found = transport(skb, offset + 40, u32::from(header[6]));
        ((found >> 32) as u32, found as u8)
    };
    let mut first = [0_u8; 4];
    if at != 0 && !load(skb, at, &mut first) {
        first = [0; 4];
    }
    let first = u64::from(u32::from_ne_bytes(first)) << 32;
    first | u64::from(at) << AT | FOUND | u64::from(protocol)
}

/// Extension headers that are walked over; a packet with more has no ports for us.
const EXTENSIONS: usize = 4;

/// The protocol after the extension headers in the low half, its offset in the high half: 0 in a
/// fragment that is not the first.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn transport(skb: *mut __sk_buff, at: u32, next: u32) -> u64 {
    let (mut at, mut next) = (at, next as u8);
    for _ in 0..EXTENSIONS {
        if !matches!(next, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION) {
            break;
        }
        let mut header = [0_u8; 4];
        if !load(skb, at, &mut header) {
            return u64::from(next);
        }
        if next == FRAGMENT && u16::from_be_bytes([header[2], header[3]]) & 0xFFF8 != 0 {
            return u64::from(header[0]);
        }
        // Lengths are in units of 8 bytes beyond the first; a fragment header has none.
        at += if next == FRAGMENT {
            8
        } else {
            8 + u32::from(header[1]) * 8
        };
        next = header[0];
    }
    u64::from(at) << 32 | u64::from(next)
}

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;
