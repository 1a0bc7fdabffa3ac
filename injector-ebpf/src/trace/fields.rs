//! What programs of observers read of the kernel's structures.

use injector_abi::trace::Fields;

use super::maps::TRACE_FIELDS;
use crate::task;

/// Reads what is `which` bytes from `address`.
#[inline(always)]
#[must_use]
pub fn read<T>(address: u64, which: impl FnOnce(&Fields) -> u32) -> Option<T> {
    at(address, which(all()?))
}

/// Where they are: for who reads several.
#[inline(always)]
#[must_use]
pub fn all() -> Option<&'static Fields> {
    TRACE_FIELDS.get(0)
}

/// Reads what is so many bytes from `address`.
#[inline(always)]
#[must_use]
pub fn at<T>(address: u64, offset: u32) -> Option<T> {
    task::read(address + u64::from(offset))
}
