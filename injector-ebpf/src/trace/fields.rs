//! What programs of observers read of the kernel's structures.

use injector_abi::trace::Fields;

use super::maps::TRACE_FIELDS;
use crate::task;

/// Reads what is `which` bytes from `address`.
#[inline(always)]
#[must_use]
pub fn read<T>(address: u64, which: impl FnOnce(&Fields) -> u32) -> Option<T> {
    let fields = TRACE_FIELDS.get(0)?;
    task::read(address + u64::from(which(fields)))
}
