//! What becomes of a system call that a fault acts on.

use aya_ebpf::helpers::generated::bpf_send_signal;
use injector_abi::syscall::{OUTCOME_STREAM, REQUESTED};
use injector_abi::{SLOTS, draw};

use crate::call;
use crate::judge::{Act, Way, first_to_act};
use crate::maps::{CALLS, FAULTS, SELECT};
use crate::occasion::Occasion;
use crate::task;

/// What the call returns if one of the faults acts.
#[inline(always)]
pub fn result(
    mask: u64,
    subject: impl FnOnce() -> u64,
    size: impl Fn() -> u64 + Copy,
) -> Option<i64> {
    let act = acts(mask, subject, size, Way::Here)?;
    strike(act);
    of(act, size)
}

/// The first fault that acts, of those in `mask` that ask nothing which the call does not have. `subject` is
/// what it is about, `size` how many bytes.
#[inline(always)]
pub fn acts(
    mask: u64,
    subject: impl FnOnce() -> u64,
    size: impl Fn() -> u64,
    way: Way,
) -> Option<Act> {
    let select = SELECT.get(0)?;
    let mask = call::by_contents(select, mask, subject, size);
    first_to_act(mask, Occasion::exact(Some(task::tgid())), way)
}

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
