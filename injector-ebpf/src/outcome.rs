//! What a system call returns that a fault acts on.

use injector_abi::syscall::{OUTCOME_STREAM, REQUESTED};
use injector_abi::{SLOTS, draw};

use crate::call::size;
use crate::judge::Act;
use crate::maps::{CALLS, FAULTS};

/// The value that the fault draws for this event.
#[inline(always)]
pub fn of(act: Act, register: impl Fn(usize) -> u64) -> Option<i64> {
    match drawn(act.slot & (SLOTS - 1), act.hit) {
        NONE => None,
        REQUESTED => Some(size(register).cast_signed()),
        value => Some(value),
    }
}

/// Neither an errno nor a number that a call returns.
const NONE: i64 = i64::MAX;

/// A function of its own with plain numbers: the verifier checks its loop once.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn drawn(slot: u32, hit: u64) -> i64 {
    let (Some(fault), Some(calls)) = (FAULTS.get(slot), CALLS.get(slot)) else {
        return NONE;
    };
    let number = draw(fault.seed, OUTCOME_STREAM, hit) >> 32;
    for outcome in &calls.outcomes {
        if number < outcome.until {
            return outcome.value;
        }
    }
    NONE
}
