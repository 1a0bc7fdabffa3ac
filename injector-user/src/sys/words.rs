//! Words of a BPF array mapped into this process: one store moves a lease or flips a switch.
#![expect(unsafe_code, reason = "memory shared with the kernel")]

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// The words of an array of `u64` that was made with `BPF_F_MMAPABLE`.
#[derive(Debug)]
pub struct Words {
    start: NonNull<AtomicU64>,
    count: usize,
}

// SAFETY: the mapping is only ever accessed through atomics.
unsafe impl Send for Words {}
// SAFETY: as above.
unsafe impl Sync for Words {}

impl Words {
    /// Maps the first `count` words.
    pub fn map(array: impl AsFd, count: usize) -> io::Result<Self> {
        let length =
            NonZeroUsize::new(count * size_of::<u64>()).ok_or(io::ErrorKind::InvalidInput)?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, array, 0) }?;
        Ok(Self {
            start: start.cast(),
            count,
        })
    }

    /// Word `index`, or nothing past the end.
    pub fn load(&self, index: usize) -> Option<u64> {
        self.word(index).map(|word| word.load(Ordering::Relaxed))
    }

    /// Words from `start` on, or nothing past the end.
    pub fn some(&self, start: usize, count: usize) -> Option<&[AtomicU64]> {
        let end = start.checked_add(count)?;
        if end > self.count {
            return None;
        }
        // SAFETY: `start` is inside the mapping.
        let first = unsafe { self.start.add(start) };
        // SAFETY: so are all of them, which live as long as `self`.
        Some(unsafe { std::slice::from_raw_parts(first.as_ptr(), count) })
    }

    /// Sets word `index`; past the end nothing happens.
    pub fn store(&self, index: usize, value: u64) {
        if let Some(word) = self.word(index) {
            word.store(value, Ordering::Release);
        }
    }

    fn word(&self, index: usize) -> Option<&AtomicU64> {
        if index >= self.count {
            return None;
        }
        // SAFETY: `index` is inside the mapping.
        let word = unsafe { self.start.add(index) };
        // SAFETY: the mapping lives as long as `self`, and words are aligned.
        Some(unsafe { word.as_ref() })
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map` and nothing borrows from it any more.
        let _unmapped = unsafe { munmap(self.start.cast(), self.count * size_of::<u64>()) };
    }
}
