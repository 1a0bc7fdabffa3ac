//! Counting by number, and what could not be observed.

use injector_abi::trace::CountKey;
use injector_abi::trace::lost as kind;

use super::maps::{COUNTS_BY, LOST, NOT_THERE};
use crate::atomic;

/// Adds one to what is counted under `detail` of an item.
///
/// A function of its own: it is for what is rare.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn by(class: u32, item: u32, detail: u32) -> u32 {
    let key = CountKey {
        class,
        item: item as u16,
        detail: detail as u16,
    };
    if let Some(count) = COUNTS_BY.get_ptr_mut(key).or_else(|| make(&key)) {
        // SAFETY: this CPU's own value, which all change by this.
        unsafe { atomic::add_one(count) };
    } else {
        lost(kind::NO_COUNT);
    }
    0
}

#[inline(always)]
fn make(key: &CountKey) -> Option<*mut u64> {
    // Should somebody else have made it meanwhile, that one stays.
    let _there = COUNTS_BY.insert(key, 0_u64, NOT_THERE);
    COUNTS_BY.get_ptr_mut(key)
}

/// Adds one to what could not be observed.
#[inline(always)]
pub fn lost(kind: u32) {
    if let Some(count) = LOST.get_ptr_mut(kind) {
        // SAFETY: this CPU's own entry, which all change by this.
        unsafe { atomic::add_one(count) };
    }
}
