//! Processes that no fault of calls touches, even once they have entered the target's cgroup.

use crate::maps::PROTECTED;

/// Keeps `mask` unless the caller is protected; looked up only once a target matched.
#[inline(always)]
#[must_use]
pub fn spare(mask: u64, tgid: u32) -> u64 {
    // SAFETY: only whether there is an entry matters.
    if mask != 0 && unsafe { PROTECTED.get(tgid) }.is_some() {
        return 0;
    }
    mask
}
