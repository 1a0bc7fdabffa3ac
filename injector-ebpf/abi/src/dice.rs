//! The decision, the same in the kernel and in user space.

/// A number that depends on nothing but the fault's seed, the stream and the index of the hit.
///
/// The finaliser is `splitmix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014), whose output bits pass `BigCrush`.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the verifier would check a call anew in every context"
)]
pub const fn draw(seed: u64, stream: u64, hit: u64) -> u64 {
    let mut x =
        seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ hit.wrapping_mul(0xD1B5_4A32_D192_ED03);
    x ^= x >> 30;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^= x >> 27;
    x = x.wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Whether a draw injects at `threshold`, the probability in units of 2^-32 (0 to 2^32 inclusive).
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the verifier would check a call anew in every context"
)]
pub const fn injects(draw: u64, threshold: u64) -> bool {
    (draw >> 32) < threshold
}

/// Whether hit number `hit` (from 1) lies in strace's `first[..last][+step]`.
///
/// `last` 0 means no end; `step` 0 means only `first`.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the verifier would check a call anew in every context"
)]
pub const fn in_window(hit: u64, first: u64, last: u64, step: u64) -> bool {
    if hit < first || (last != 0 && hit > last) {
        return false;
    }
    match step {
        0 => hit == first,
        1 => true,
        step => (hit - first).is_multiple_of(step),
    }
}
