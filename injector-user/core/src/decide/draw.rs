//! The arithmetic.

const STREAM: u64 = 0x9E37_79B9_7F4A_7C15;
const HIT: u64 = 0xD1B5_4A32_D192_ED03;

/// The 64 bits drawn for one hit.
pub fn draw(seed: u64, stream: u64, hit: u64) -> u64 {
    let mut bits = seed ^ stream.wrapping_mul(STREAM) ^ hit.wrapping_mul(HIT);
    bits ^= bits >> 30;
    bits = bits.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits ^= bits >> 27;
    bits = bits.wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Whether the hit injects; `threshold` is in `0..=2^32`, as from
/// [`Probability::threshold`](crate::units::Probability::threshold).
pub fn injects(seed: u64, stream: u64, hit: u64, threshold: u64) -> bool {
    (draw(seed, stream, hit) >> 32) < threshold
}
