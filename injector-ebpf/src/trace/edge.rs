//! Who talks to whom.

use injector_abi::trace::{Edge, EdgeKey, lost};

use super::count;
use super::maps::{EDGES, NOT_THERE};
use crate::atomic;

/// Changes what is known of an edge, which is new perhaps.
#[inline(always)]
pub fn change(key: &EdgeKey, change: impl FnOnce(&mut Edge)) {
    let known = EDGES.get_ptr_mut(key).or_else(|| make(key));
    let Some(edge) = known else {
        count::lost(lost::NO_EDGE);
        return;
    };
    // SAFETY: this CPU's own value, whose numbers are only added to.
    change(unsafe { &mut *edge });
}

#[inline(always)]
fn make(key: &EdgeKey) -> Option<*mut Edge> {
    // Should somebody else have made it meanwhile, that one stays.
    let _there = EDGES.insert(key, Edge::default(), NOT_THERE);
    EDGES.get_ptr_mut(key)
}

/// Adds to one of an edge's numbers at once: programs of packets interrupt those of callers.
#[inline(always)]
pub fn add(number: &mut u64, more: u64) {
    if more != 0 {
        // SAFETY: a word of a map's value, which all change by this.
        unsafe { atomic::add(number, more) };
    }
}

/// An IPv4 address among those of IPv6 (RFC 4291, 2.5.5.2).
#[inline(always)]
#[must_use]
pub fn mapped(address: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = address;
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d]
}
