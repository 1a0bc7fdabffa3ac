//! Bits flipped in a packet's payload so that its receiver takes it for sound: the checksum is put
//! right, wherever it is computed.

use aya_ebpf::bindings::{__sk_buff, BPF_F_MARK_MANGLED_0};
use aya_ebpf::helpers::generated::{bpf_l4_csum_replace, bpf_skb_load_bytes, bpf_skb_store_bytes};
use aya_ebpf::programs::TcContext;
use aya_ebpf::programs::sk_buff::SkBuff;
use injector_abi::draw;

use crate::maps::FAULTS;
use crate::packet::{ICMP, ICMP6, TCP, UDP, parse};

/// Where the bytes are that an application reads: their start, their end, the checksum (0 for none) and
/// where that begins to count, of 16 bits each from the top. 0 if the packet carries nothing, or is a
/// later fragment.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn payload(skb: *mut __sk_buff) -> u64 {
    let ctx = TcContext {
        skb: SkBuff { skb },
    };
    find(&ctx).unwrap_or(0)
}

#[inline(always)]
fn find(ctx: &TcContext) -> Option<u64> {
    let packet = parse(ctx)?;
    let transport = packet.transport;
    if transport == 0 {
        return None;
    }
    let (header, checksum) = match packet.protocol {
        TCP => {
            let length: u8 = ctx.load(transport as usize + 12).ok()?;
            (u32::from(length >> 4) * 4, transport + 16)
        }
        UDP => (8, transport + UDP_CHECKSUM),
        ICMP | ICMP6 => (8, transport + 2),
        _ => (0, 0),
    };
    let (start, end) = (transport + header, packet.end(ctx).min(0xFFFF));
    let packed = u64::from(start) << 48
        | u64::from(end) << 32
        | u64::from(checksum) << 16
        | u64::from(transport);
    (start < end).then_some(packed)
}

/// Flips the bits of a payload that the fault in `slot` chooses for its event number `hit`.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn corrupt(skb: *mut __sk_buff, payload: u64, slot: u32, hit: u64) -> u64 {
    let Some(fault) = FAULTS.get(slot) else {
        return 0;
    };
    let (start, end) = (payload >> 48, payload >> 32 & 0xFFFF);
    let all = end.saturating_sub(start) * 8;
    if all == 0 {
        return 0;
    }
    let bits = u64::from(fault.bits).min(all);
    let first = draw(fault.seed, WHERE_STREAM, hit);
    // Further bits lie one stride apart, so that none is flipped back.
    let stride = 1 + draw(fault.seed, STRIDE_STREAM, hit) % (all / bits.max(1)).max(1);
    for bit in 0..MAX_BITS {
        if bit >= bits {
            break;
        }
        flip(skb, payload, ((first % all + bit * stride) % all) as u32);
    }
    bits
}

const MAX_BITS: u64 = injector_abi::net::MAX_BITS as u64;
/// Streams of the draws that choose bits: no thread group's ordinals.
const WHERE_STREAM: u64 = u64::MAX - 1;
const STRIDE_STREAM: u64 = u64::MAX - 2;

/// Flips one bit. A function of its own, so that the verifier checks it once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn flip(skb: *mut __sk_buff, payload: u64, bit: u32) -> u64 {
    let part = |shift: u32| (payload >> shift) as u32 & 0xFFFF;
    let (start, end, at, transport) = (part(48), part(32), part(16), part(0));
    let byte = start + bit / 8;
    // Checksums are of 16-bit words; a last single byte is one with a zero.
    let word_at = byte - ((byte - transport) & 1);
    let length = if word_at + 1 < end { 2 } else { 1 };
    let mut word = [0_u8; 2];
    // SAFETY: the destination is two bytes.
    let failed =
        unsafe { bpf_skb_load_bytes(skb.cast(), word_at, word.as_mut_ptr().cast(), length) };
    if failed != 0 {
        return 0;
    }
    let old = u16::from_ne_bytes(word);
    let flipped = 1 << (bit % 8);
    let flipped = if byte == word_at {
        [flipped, 0]
    } else {
        [0, flipped]
    };
    let new = old ^ u16::from_ne_bytes(flipped);
    let word = new.to_ne_bytes();
    // SAFETY: the source is two bytes. No flag: the change of the checksum makes up for it.
    let failed = unsafe { bpf_skb_store_bytes(skb, word_at, word.as_ptr().cast(), length, 0) };
    if failed != 0 || at == 0 {
        return 0;
    }
    let of_udp = u64::from(at == transport + UDP_CHECKSUM);
    // Two bytes change.
    let flags = (u64::from(BPF_F_MARK_MANGLED_0) * of_udp) | 2;
    let (old, new) = (u64::from(old), u64::from(new));
    // SAFETY: the context is the program's own. Where the device is to complete the checksum this does
    // nothing, and need not.
    let _unchecked = unsafe { bpf_l4_csum_replace(skb, at, old, new, flags) };
    1
}

/// Of the UDP header; a zero there means that there is no checksum, and stays.
const UDP_CHECKSUM: u32 = 6;
