//! Counting by number, and what could not be observed.

use injector_abi::trace::CountKey;
use injector_abi::trace::lost as kind;

use super::maps::{COUNTS_BY, LOST};

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
    if let Some(count) = COUNTS_BY.get_ptr_mut(key) {
        // SAFETY: this CPU's own value.
        unsafe { *count += 1 };
    } else if COUNTS_BY.insert(key, 1_u64, 0).is_err() {
        lost(kind::NO_COUNT);
    }
    0
}

/// Adds one to what could not be observed.
#[inline(always)]
pub fn lost(kind: u32) {
    if let Some(count) = LOST.get_ptr_mut(kind) {
        // SAFETY: this CPU's own entry.
        unsafe { *count += 1 };
    }
}
