//! Pages of a file that others of this machine read through this process.
#![expect(unsafe_code, reason = "mapping a file has no safe interface")]

use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, munmap};

/// Pages that this process itself never reads: who does waits for whoever serves the file.
#[derive(Debug)]
pub(crate) struct Pages {
    start: NonNull<libc::c_void>,
    length: NonZeroUsize,
}

impl Pages {
    /// Maps the first `length` bytes. Each page is asked for by itself, and never before it is read.
    pub(crate) fn map(file: impl AsFd, length: NonZeroUsize) -> nix::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_READ,
                MapFlags::MAP_SHARED,
                file,
                0,
            )
        }?;
        let pages = Self { start, length };
        // SAFETY: advice that changes nothing about what is mapped.
        unsafe { madvise(start, length.get(), MmapAdvise::MADV_RANDOM) }?;
        Ok(pages)
    }

    /// Where they begin.
    pub(crate) fn address(&self) -> u64 {
        self.start.as_ptr() as u64
    }
}

// SAFETY: nothing is ever read or written through it.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map`, and nothing borrows from it.
        let _unmapped = unsafe { munmap(self.start, self.length.get()) };
    }
}
