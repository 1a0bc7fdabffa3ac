//! Memory that a process shares with the children it forks, or with whom it sends the file to.
#![expect(
    unsafe_code,
    reason = "memory shared between processes has no safe interface"
)]

use std::mem::size_of;
use std::num::NonZeroUsize;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU64;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use nix::unistd::ftruncate;

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

    /// Makes a file of `count` cells that whoever gets it can map by [`SharedCells::of`].
    pub(crate) fn file(count: NonZeroUsize) -> nix::Result<OwnedFd> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let file = memfd_create(c"temblor", flags)?;
        let length = i64::try_from(bytes(count).get()).map_err(|_too_long| Errno::EFBIG)?;
        ftruncate(&file, length)?;
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals()))?;
        Ok(file)
    }

    /// Maps a file made by [`SharedCells::file`] for as many cells.
    pub(crate) fn of(file: BorrowedFd<'_>, count: NonZeroUsize) -> nix::Result<Self> {
        let sealed = fcntl(file, FcntlArg::F_GET_SEALS)? & seals().bits() == seals().bits();
        let size = nix::sys::stat::fstat(file)?.st_size;
        if !sealed || usize::try_from(size) != Ok(bytes(count).get()) {
            return Err(Errno::EINVAL);
        }
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let (length, flags) = (bytes(count), MapFlags::MAP_SHARED);
        // SAFETY: the kernel chooses an address that no other mapping of this process uses, and the file
        // is sealed: it stays this long.
        let start = unsafe { mmap(None, length, protection, flags, file, 0) }?;
        Ok(Self {
            start: start.cast(),
            count,
        })
    }

    pub(crate) fn cells(&self) -> &[AtomicU64] {
        // SAFETY: `map` or `of` made the mapping this long, page-aligned and zeroed (a valid `AtomicU64`);
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

/// It is never shorter or longer than it was made.
fn seals() -> SealFlag {
    SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL
}

fn bytes(count: NonZeroUsize) -> NonZeroUsize {
    const CELL: NonZeroUsize = NonZeroUsize::new(size_of::<AtomicU64>()).expect("8 bytes");
    count.saturating_mul(CELL)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::{AtomicU64, Ordering};

    use std::os::fd::AsFd as _;

    use nix::errno::Errno;

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

    #[test]
    fn who_gets_the_file_sees_the_same_cells() {
        let count = NonZeroUsize::new(65).unwrap();
        let file = SharedCells::file(count).unwrap();
        let ours = SharedCells::of(file.as_fd(), count).unwrap();
        let theirs = SharedCells::of(file.as_fd(), count).unwrap();
        ours.cells()[64].store(7, Ordering::Release);
        assert_eq!(theirs.cells()[64].load(Ordering::Acquire), 7);
        let more = SharedCells::of(file.as_fd(), NonZeroUsize::new(66).unwrap());
        assert_eq!(more.err(), Some(Errno::EINVAL));
        assert_eq!(nix::unistd::ftruncate(&file, 0), Err(Errno::EPERM));
    }
}
