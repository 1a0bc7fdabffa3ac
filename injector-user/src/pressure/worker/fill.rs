//! Room: blocks are allocated to a file without a name.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, OFlag, fallocate};
use nix::sys::statvfs::fstatvfs;

use super::super::page::Word;
use super::life::Life;
use super::nameless;
use super::random::Random;
use crate::clock::monotonic_ns;

/// What is allocated between two looks, where that is done at once, and where blocks are written.
const STEP: u64 = 1 << 30;
const WRITTEN: u64 = 1 << 20;
/// Less is not asked for when there is no room for more.
const LEAST: u64 = 4096;
/// A block of `st_blocks`, on any file system.
const BLOCK: u64 = 512;

/// How often is looked whether the host has enough.
const LOOK: Duration = Duration::from_millis(20);

/// Goes on until it may not. What is left of the file system is never less than `reserve`.
pub(super) fn fill(life: &Life, folder: &OwnedFd, bytes: u64, reserve: u64) -> io::Result<()> {
    let file = nameless::make(folder, OFlag::empty())?;
    let page = life.page();
    let mut filling = Filling {
        file: &file,
        length: 0,
        by_writing: false,
        random: Random::new(monotonic_ns()),
    };
    let mut step = STEP;
    while filling.length < bytes && life.goes_on() {
        let room = available(&file)?.saturating_sub(reserve);
        let next = step.min(bytes - filling.length).min(room);
        match filling.grow(next) {
            Ok(()) if next > 0 => page.hold(filling.allocated()?),
            // Somebody was faster, or what is left is not for us: less may still fit.
            Ok(()) | Err(Errno::ENOSPC | Errno::EDQUOT) if step > LEAST => step /= 2,
            Ok(()) | Err(Errno::ENOSPC | Errno::EDQUOT) => {
                page.set(Word::Trouble, Errno::ENOSPC as u64);
                break;
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    page.hold(filling.allocated()?);
    while life.rest(LOOK) {
        let short = reserve.saturating_sub(available(&file)?);
        if short > 0 && filling.length > 0 {
            page.add(Word::GivenBack, filling.shrink(short)?);
            page.hold(filling.allocated()?);
        }
    }
    Ok(())
}

/// A file that grows.
#[derive(Debug)]
struct Filling<'a> {
    file: &'a File,
    length: u64,
    /// The file system allocates nothing that is not written.
    by_writing: bool,
    random: Random,
}

impl Filling<'_> {
    /// By at most as many bytes; in short steps where they have to be written.
    fn grow(&mut self, bytes: u64) -> nix::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        if !self.by_writing {
            match allocate(self.file, self.length, bytes) {
                Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => self.by_writing = true,
                allocated => {
                    allocated?;
                    self.length += bytes;
                    return Ok(());
                }
            }
        }
        let length = usize::try_from(bytes.min(WRITTEN)).unwrap_or_default();
        let mut block = vec![0; length];
        // Nothing that a file system could compress.
        self.random.fill(&mut block);
        let written = self.file.write_all_at(&block, self.length);
        written.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?;
        self.length += length as u64;
        Ok(())
    }

    /// Gives back so many bytes, or all there are: how many that were.
    fn shrink(&mut self, bytes: u64) -> io::Result<u64> {
        let less = bytes.min(self.length);
        self.file.set_len(self.length - less)?;
        self.length -= less;
        Ok(less)
    }

    /// What the file system has given it.
    fn allocated(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.blocks() * BLOCK)
    }
}

fn allocate(file: &File, from: u64, bytes: u64) -> nix::Result<()> {
    let offset = |value| i64::try_from(value).map_err(|_too_far| Errno::EFBIG);
    loop {
        match fallocate(file, FallocateFlags::empty(), offset(from)?, offset(bytes)?) {
            Err(Errno::EINTR) => {}
            allocated => return allocated,
        }
    }
}

/// What those may use who are not root.
fn available(file: &File) -> io::Result<u64> {
    let found = fstatvfs(file)?;
    Ok(found.blocks_available() * found.fragment_size())
}
