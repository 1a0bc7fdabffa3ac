//! The checksum of IP, ICMP and TCP (RFC 1071).

use aya_ebpf::bindings::__sk_buff;

use crate::skb::load;

/// The sum of 16-bit words (RFC 1071), not folded yet.
#[inline(always)]
#[must_use]
pub fn sum<const N: usize>(bytes: &[u8; N]) -> u32 {
    let mut sum = 0;
    let mut at = 0;
    while at + 1 < N {
        sum += u32::from(bytes[at]) << 8 | u32::from(bytes[at + 1]);
        at += 2;
    }
    sum
}

#[inline(always)]
#[must_use]
pub fn folded(sum: u32) -> u16 {
    let sum = (sum & 0xFFFF) + (sum >> 16);
    !((sum & 0xFFFF) + (sum >> 16)) as u16
}

/// The sum of so many bytes of the packet, a multiple of four and at most 60.
#[inline(always)]
#[must_use]
pub fn sum_at(skb: *mut __sk_buff, at: u32, length: u32) -> u32 {
    let mut total = 0;
    for word in 0..15 {
        let mut bytes = [0_u8; 4];
        if word * 4 >= length || !load(skb, at + word * 4, &mut bytes) {
            break;
        }
        total += sum(&bytes);
    }
    total
}
