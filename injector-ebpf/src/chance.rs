//! How likely an event is to suffer where that is more than one number: aggregates, and chains.

use injector_abi::net::MAX_SEGMENTS;
use injector_abi::{CHAIN_STREAM, draw};

use crate::maps::{FAULTS, PROGRESS};

/// Certainty, in units of 2^-32.
const ALWAYS: u64 = 1 << 32;

/// The chance that one of `segments` suffers, each by itself or by the state of the fault's chain,
/// which moves on with each of them.
///
/// Processors that do this at the same moment may lose each other's last step: a burst then ends some
/// packets earlier or later than its draws say.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn of_aggregate(slot: u32, segments: u32, hit: u64) -> u64 {
    let Some(fault) = FAULTS.get(slot) else {
        return 0;
    };
    if fault.chain.is_absent() {
        return rest(power(rest(fault.threshold), segments));
    }
    let mut spared = ALWAYS;
    for segment in 0..MAX_SEGMENTS {
        if segment >= segments {
            break;
        }
        let number = hit * u64::from(MAX_SEGMENTS) + u64::from(segment);
        spared = both(spared, rest(of_step(slot, number)));
    }
    rest(spared)
}

/// The chance of suffering in the state of the fault's chain, which then moves on by its draw `number`.
///
/// A function of its own: the verifier would check it anew in each turn of the loop, which took it
/// longer than everything else.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_step(slot: u32, number: u64) -> u64 {
    let (Some(fault), Some(progress)) = (FAULTS.get(slot), PROGRESS.get_ptr_mut(slot)) else {
        return 0;
    };
    // SAFETY: a field of the array's entry.
    let kept = unsafe { &raw mut (*progress).state };
    // SAFETY: a word is read whole.
    let state = unsafe { kept.read_volatile() };
    let drawn = draw(fault.seed, CHAIN_STREAM, number);
    let next = fault.chain.next(state, drawn);
    // SAFETY: a word written whole.
    unsafe { kept.write_volatile(next) };
    fault.chain.suffers(state)
}

/// `MAX_SEGMENTS` in binary has so many digits.
const DIGITS: u32 = MAX_SEGMENTS.ilog2() + 1;

/// The chance that `times` independent events all happen, each with `chance`, by repeated squaring.
#[inline(always)]
fn power(chance: u64, times: u32) -> u64 {
    let (mut result, mut square) = (ALWAYS, chance);
    for digit in 0..DIGITS {
        if times >> digit & 1 != 0 {
            result = both(result, square);
        }
        square = both(square, square);
    }
    result
}

/// The chance that something does not happen.
#[inline(always)]
const fn rest(chance: u64) -> u64 {
    // No chance is above certainty; to look would double the verifier's work.
    ALWAYS.wrapping_sub(chance)
}

/// The chance of two independent events, of 2^32 at most.
#[inline(always)]
fn both(one: u64, other: u64) -> u64 {
    // Halved, so that the product fits.
    ((one >> 1) * other) >> 31
}
