//! Programs that run for a caller: whether it is a target, and what it has given.

use core::ffi::c_void;

use crate::maps::{ARMED, SELECT};
use crate::patched;
use crate::protected;
use crate::select;
use crate::task;

/// The slots whose fault is armed here and names the caller.
#[inline(always)]
#[must_use]
pub fn concerned() -> u64 {
    let (Some(armed), Some(select)) = (ARMED.get(patched::hook()), SELECT.get(0)) else {
        return 0;
    };
    if armed.slots == 0 {
        return 0;
    }
    let tgid = task::tgid();
    let mask = select::by_thread_group(select, armed.slots, tgid);
    protected::spare(select::by_current_cgroup(select, mask), tgid)
}

/// One of the hook's arguments, as a plain number: what the verifier knows to be a pointer to one of the
/// kernel's structures it lets no function have.
#[inline(always)]
#[must_use]
pub fn argument(ctx: *mut c_void, position: u32) -> u64 {
    let arguments = ctx as u64;
    task::read(arguments + u64::from(position & 3) * 8).unwrap_or(0)
}
