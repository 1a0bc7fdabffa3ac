//! What becomes of a system call that a fault acts on.

use aya_ebpf::helpers::generated::bpf_send_signal;
use injector_abi::syscall::{OUTCOME_STREAM, REQUESTED};
use injector_abi::{SLOTS, draw};

use crate::judge::Act;
use crate::maps::{CALLS, FAULTS};

/// The value that the fault draws for this event.
#[inline(always)]
pub fn of(act: Act, size: impl FnOnce() -> u64) -> Option<i64> {
    match drawn(act.slot & (SLOTS - 1), act.hit) {
        NONE => None,
        REQUESTED => Some(size().cast_signed()),
        value => Some(value),
    }
}

/// The share of its bytes, in units of 2^-32, that the call is to be made for; 0 if it is not to be made.
#[inline(always)]
#[must_use]
pub fn share(act: Act) -> u64 {
    let calls = CALLS.get(act.slot & (SLOTS - 1));
    calls.map_or(0, |calls| calls.share)
}

/// Sends the caller's process the signal of the fault, if it has one.
#[inline(always)]
pub fn strike(act: Act) {
    let signal = CALLS
        .get(act.slot & (SLOTS - 1))
        .map_or(0, |calls| calls.signal);
    if signal != 0 {
        // SAFETY: the helper takes plain numbers. A caller that is ending already cannot be sent one.
        let _ending = unsafe { bpf_send_signal(signal) };
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
