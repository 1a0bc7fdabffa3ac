//! The end of a caller's heap, which `brk` gives when it could not move it: a negative number would be
//! taken for its new place.

use injector_core::fault::syscall::Syscall;
use procfs::process::{MMapPath, Process};

use super::call::Call;

/// What `brk` gives that fails, and nothing for other calls.
pub(super) fn unmoved(call: &Call, syscall: Syscall) -> Option<u64> {
    if syscall.name() == "brk" {
        end(call.thread)
    } else {
        None
    }
}

/// By how many bytes a call is to move the end upwards; 0 if it asks where it is.
pub(super) fn growth(call: &Call) -> u64 {
    end(call.thread).map_or(0, |end| call.argument(0).saturating_sub(end))
}

/// As long as there is no heap, it is where it will begin. All of a heap's last page is the program's own.
fn end(thread: i32) -> Option<u64> {
    let process = Process::new(thread).ok()?;
    let maps = process.maps().ok()?;
    let heap = maps.into_iter().find(|map| map.pathname == MMapPath::Heap);
    match heap {
        Some(heap) => Some(heap.address.1),
        None => process.stat().ok()?.start_brk,
    }
}
