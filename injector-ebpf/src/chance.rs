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
    let (Some(fault), Some(progress)) = (FAULTS.get(slot), PROGRESS.get_ptr_mut(slot)) else {
        return 0;
    };
    // SAFETY: a field of the array's entry.
    let kept = unsafe { &raw mut (*progress).state };
    // SAFETY: a word is read whole.
    let mut state = unsafe { kept.read_volatile() };
    let alone = fault.chain.is_absent();
    let mut spared = ALWAYS;
    for segment in 0..MAX_SEGMENTS {
        if segment >= segments {
            break;
        }
        let suffers = if alone {
            fault.threshold
        } else {
            let drawn = draw(
                fault.seed,
                CHAIN_STREAM,
                hit * u64::from(MAX_SEGMENTS) + u64::from(segment),
            );
            let suffers = fault.chain.suffers(state);
            state = fault.chain.next(state, drawn);
            suffers
        };
        // Both are 2^32 at most: halved, so that the product fits.
        spared = ((spared >> 1) * ALWAYS.saturating_sub(suffers)) >> 31;
    }
    if !alone {
        // SAFETY: a word written whole.
        unsafe { kept.write_volatile(state) };
    }
    ALWAYS.saturating_sub(spared)
}
