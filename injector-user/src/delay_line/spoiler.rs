//! Corruption as on a wire: the checksum is completed first, so that the receiver finds it wrong.

use std::ops::Range;

use rand::SeedableRng as _;
use rand::rngs::SmallRng;

/// Flips bits behind the IP header and the ports, by which the faults that come after know the packet:
/// the same bits for the same seed.
#[derive(Debug)]
pub(super) struct Spoiler {
    bits: usize,
    random: SmallRng,
}

/// `struct virtio_net_hdr` (virtio 1.2, 5.1.6) in front of each frame: flags, kind of aggregate, and
/// where the checksum begins and is to go.
const VIRTIO: usize = 10;
const FLAGS: usize = 0;
const AGGREGATE: usize = 1;
const SUM_START: usize = 6;
const SUM_OFFSET: usize = 8;
const NEEDS_SUM: u8 = 1;

const ETHERNET: usize = 14;
/// Of TCP and UDP; as long are type, code and checksum of ICMP.
const PORTS: usize = 4;

impl Spoiler {
    pub(super) fn new(bits: u32, seed: u64) -> Self {
        Self {
            bits: bits as usize,
            random: SmallRng::seed_from_u64(seed),
        }
    }

    /// Corrupts the frame, which is an aggregate no more: as one packet its checksum is wrong as a
    /// whole, and all of it is lost.
    pub(super) fn spoil(&mut self, frame: &mut [u8]) {
        complete_checksum(frame);
        let Some(range) = carried(frame) else {
            return;
        };
        let all = range.len() * 8;
        let bits = self.bits.min(all);
        for bit in rand::seq::index::sample(&mut self.random, all, bits) {
            if let Some(byte) = frame.get_mut(range.start + bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }
}

/// Does what a device would be asked to do on the frame's way out.
fn complete_checksum(frame: &mut [u8]) {
    let Some((header, packet)) = frame.split_at_mut_checked(VIRTIO) else {
        return;
    };
    let half = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let (start, offset) = (half(SUM_START), half(SUM_OFFSET));
    if header[FLAGS] & NEEDS_SUM != 0
        && let Some(summed) = packet.get_mut(start..)
    {
        let sum = match ones_complement(summed) {
            // A zero would mean that there is no checksum (RFC 768).
            0 => u16::MAX,
            sum => sum,
        };
        if let Some(place) = summed.get_mut(offset..offset + 2) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
    }
    header[FLAGS] = 0;
    header[AGGREGATE] = 0;
}

/// The checksum of RFC 1071.
fn ones_complement(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|word| {
        let low = word.get(1).copied().unwrap_or(0);
        u64::from(u16::from_be_bytes([word[0], low]))
    });
    let mut sum: u64 = words.sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// What lies behind IP header and ports, without what pads a short frame.
fn carried(frame: &[u8]) -> Option<Range<usize>> {
    let ip = VIRTIO + ETHERNET;
    let half = |at: usize| {
        Some(usize::from(u16::from_be_bytes([
            *frame.get(at)?,
            *frame.get(at + 1)?,
        ])))
    };
    let (start, length) = match frame.get(ip)? >> 4 {
        4 => (ip + usize::from(frame[ip] & 0xF) * 4, half(ip + 2)?),
        _ => (ip + 40, half(ip + 4)? + 40),
    };
    let (start, end) = (start + PORTS, (ip + length).min(frame.len()));
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::{ETHERNET, Spoiler, VIRTIO, complete_checksum, ones_complement};

    /// A UDP datagram over IPv4 whose checksum is to be completed: the sum of the pseudo-header.
    fn frame() -> Vec<u8> {
        let mut frame = vec![NEEDS, 0, 0, 0, 0, 0, 34, 0, 6, 0];
        frame.extend([0; ETHERNET]);
        frame.extend([
            0x45, 0, 0, 38, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ]);
        let pseudo = [10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 18];
        let seed = !ones_complement(&pseudo);
        frame.extend([0x12, 0x34, 0x56, 0x78, 0, 18]);
        frame.extend(seed.to_be_bytes());
        frame.extend(b"0123456789");
        frame.extend([0xEE; 8]);
        // What pads the frame is no part of the datagram, and a real one would not be summed up.
        frame.truncate(VIRTIO + ETHERNET + 38);
        frame
    }

    const NEEDS: u8 = super::NEEDS_SUM;

    /// What the receiver makes of datagram and pseudo-header.
    fn is_sound(frame: &[u8]) -> bool {
        let mut all = vec![10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 18];
        all.extend(&frame[VIRTIO + ETHERNET + 20..]);
        ones_complement(&all) == 0
    }

    #[test]
    fn a_completed_checksum_is_right_and_one_flipped_bit_makes_it_wrong() {
        let mut completed = frame();
        complete_checksum(&mut completed);
        assert!(is_sound(&completed) && completed[0] == 0);
        let mut spoiler = Spoiler::new(1, 7);
        for _ in 0..1000 {
            let mut spoiled = frame();
            spoiler.spoil(&mut spoiled);
            assert!(!is_sound(&spoiled));
            let differing = completed
                .iter()
                .zip(&spoiled)
                .map(|(a, b)| (a ^ b).count_ones());
            assert_eq!(differing.sum::<u32>(), 1);
            assert_eq!(
                completed[..48],
                spoiled[..48],
                "headers up to the ports are left alone"
            );
        }
    }

    #[test]
    fn so_many_bits_flip_as_asked() {
        let mut completed = frame();
        complete_checksum(&mut completed);
        let mut spoiled = frame();
        Spoiler::new(16, 1).spoil(&mut spoiled);
        let differing = completed
            .iter()
            .zip(&spoiled)
            .map(|(a, b)| (a ^ b).count_ones());
        assert_eq!(differing.sum::<u32>(), 16);
    }

    #[test]
    fn what_is_no_packet_does_no_harm() {
        let mut spoiler = Spoiler::new(3, 1);
        for length in 0..60 {
            spoiler.spoil(&mut vec![0xFF; length]);
            spoiler.spoil(&mut vec![0x45; length]);
        }
    }
}
