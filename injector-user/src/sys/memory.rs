//! Memory that a process shares with the children it forks.
#![expect(
    unsafe_code,
    reason = "memory shared between processes has no safe interface"
)]

use std::mem::size_of;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU64;

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Atomic cells on pages that a forked child sees too; all start at zero.
#[derive(Debug)]
pub(crate) struct SharedCells {
    start: NonNull<AtomicU64>,
    count: NonZeroUsize,
}

impl SharedCells {
    /// Maps `count` cells. Only processes forked afterwards share them.
    pub(crate) fn map(count: NonZeroUsize) -> nix::Result<Self> {
        let length = bytes(count);
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses an address that no other mapping of this process uses.
        let start = unsafe { mmap_anonymous(None, length, protection, MapFlags::MAP_SHARED) }?;
        Ok(Self {
            start: start.cast(),
            count,
        })
    }

    pub(crate) fn cells(&self) -> &[AtomicU64] {
        // SAFETY: `map` made the mapping this long, page-aligned and zeroed (a valid `AtomicU64`);
        // it lives as long as `self`, and every process changes it only through atomics.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.count.get()) }
    }
}

impl Drop for SharedCells {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours alone in this process, and `cells` cannot outlive `self`.
        let unmapped = unsafe { munmap(self.start.cast(), bytes(self.count).get()) };
        debug_assert_eq!(unmapped, Ok(()), "a mapping of our own can be unmapped");
    }
}

// SAFETY: the cells are atomics, and the mapping belongs to no thread.
unsafe impl Send for SharedCells {}
// SAFETY: shared references only give out shared atomics.
unsafe impl Sync for SharedCells {}

fn bytes(count: NonZeroUsize) -> NonZeroUsize {
    const CELL: NonZeroUsize = NonZeroUsize::new(size_of::<AtomicU64>()).expect("8 bytes");
    count.saturating_mul(CELL)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::SharedCells;

    #[test]
    fn cells_start_at_zero_and_keep_what_is_stored() {
        let shared = SharedCells::map(NonZeroUsize::new(65).unwrap()).unwrap();
        let read = |cell: &AtomicU64| cell.load(Ordering::Acquire);
        let values = || -> Vec<u64> { shared.cells().iter().map(read).collect() };
        assert_eq!(values(), vec![0; 65]);
        shared.cells()[64].store(7, Ordering::Release);
        assert_eq!(values()[63..], [0, 7]);
    }
}
