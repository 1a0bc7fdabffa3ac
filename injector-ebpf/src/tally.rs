//! Where and by whom a fault is suffered, counted on injection only.

use injector_abi::{SLOTS, StreamKey};

use crate::atomic::add_one;
use crate::maps::{INJECTED_AT, STREAMS};
use crate::patched;

/// Adds one to this hook's injections and, if a thread group suffers, to its own.
#[inline(always)]
pub fn add(slot: u32, tgid: u32) {
    if let Some(here) = INJECTED_AT.get_ptr_mut(patched::hook() * SLOTS + slot) {
        // SAFETY: the array's entry, which programs change only here.
        unsafe { add_one(here) };
    }
    if tgid == 0 {
        return;
    }
    if let Some(stream) = STREAMS.get_ptr_mut(StreamKey { slot, tgid }) {
        // SAFETY: an entry is three words.
        let injected = unsafe { stream.cast::<u64>().add(2) };
        // SAFETY: threads of the group change it only here.
        unsafe { add_one(injected) };
    }
}
