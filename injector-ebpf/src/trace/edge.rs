//! Who talks to whom.

use injector_abi::trace::{Edge, EdgeKey, lost};

use super::count;
use super::maps::EDGES;

/// Changes what is known of an edge, which is new perhaps.
#[inline(always)]
pub fn change(key: &EdgeKey, change: impl FnOnce(&mut Edge)) {
    if let Some(edge) = EDGES.get_ptr_mut(key) {
        // SAFETY: this CPU's own value.
        change(unsafe { &mut *edge });
        return;
    }
    let mut edge = Edge::default();
    change(&mut edge);
    if EDGES.insert(key, edge, 0).is_err() {
        count::lost(lost::NO_EDGE);
    }
}

/// An IPv4 address among those of IPv6 (RFC 4291, 2.5.5.2).
#[inline(always)]
#[must_use]
pub fn mapped(address: [u8; 4]) -> [u8; 16] {
    let [a, b, c, d] = address;
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d]
}
