//! The attention of a disk: blocks are read and written at random places of a file without a name.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use injector_core::fault::pressure::Operations;
use injector_core::plan::Task;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::statvfs::fstatvfs;

use super::super::page::Word;
use super::life::Life;
use super::nameless;
use super::random::Random;
use super::threads::work_on;
use crate::clock::monotonic_ns;

/// What memory and places have to be a multiple of, past the page cache.
const ALIGNED: usize = 4096;
/// What is written at a time when the file is made.
const CHUNK: usize = 1 << 20;
/// A worker that is behind its rate by more does not catch up.
const DEBT_NS: u64 = 100_000_000;

/// What every worker does.
#[derive(Clone, Copy, Debug)]
struct Work<'a> {
    file: &'a File,
    operations: Operations,
    block: u64,
    blocks: u64,
    /// From one operation of a worker to its next, if there is a rate.
    pace_ns: Option<u64>,
}

/// Goes on until it may not.
pub(super) fn keep_busy(life: &Life, folder: &OwnedFd, task: &Task) -> io::Result<()> {
    let Task::Disk {
        workers,
        operations,
        block,
        bytes,
        rate,
        reserve,
        ..
    } = task
    else {
        return Err(Errno::EINVAL.into());
    };
    let (file, direct) = open(folder, *block)?;
    if !write_whole(life, &file, *bytes, *reserve)? {
        return Ok(());
    }
    let page = life.page();
    page.set(Word::Direct, u64::from(direct));
    page.set(Word::Begun, monotonic_ns());
    page.hold(*bytes);
    let pace = |rate: u64| block.saturating_mul(u64::from(*workers)) * 1_000_000_000 / rate;
    let work = Work {
        file: &file,
        operations: *operations,
        block: *block,
        blocks: bytes / block,
        pace_ns: rate.map(pace),
    };
    work_on(life, *workers, |index| work.go_on(life, index))
}

/// Past the page cache if that can be; whether it could.
fn open(folder: &OwnedFd, block: u64) -> io::Result<(File, bool)> {
    if block.is_multiple_of(ALIGNED as u64) {
        match nameless::make(folder, OFlag::O_DIRECT) {
            Err(Errno::EINVAL) => {}
            made => return Ok((made?, true)),
        }
    }
    Ok((nameless::make(folder, OFlag::empty())?, false))
}

/// Writes the file once, as what was never written is not read from a disk; false if it may not go on.
fn write_whole(life: &Life, file: &File, bytes: u64, reserve: u64) -> io::Result<bool> {
    let mut buffer = Aligned::new(CHUNK);
    Random::new(monotonic_ns()).fill(buffer.bytes());
    let mut at = 0;
    while at < bytes {
        let found = fstatvfs(file)?;
        if found.blocks_available() * found.fragment_size() < reserve {
            return Err(Errno::ENOSPC.into());
        }
        // The last chunk may reach beyond the end, which then is a little further.
        file.write_all_at(buffer.bytes(), at)?;
        at += CHUNK as u64;
        if !life.goes_on() {
            return Ok(false);
        }
    }
    file.sync_all()?;
    Ok(true)
}

impl Work<'_> {
    fn go_on(self, life: &Life, index: u32) -> io::Result<()> {
        let page = life.page();
        let mut random = Random::new(monotonic_ns() ^ u64::from(index).rotate_left(32));
        let mut buffer = Aligned::new(usize::try_from(self.block).unwrap_or(ALIGNED));
        random.fill(buffer.bytes());
        let mut writes = self.operations == Operations::Write;
        let mut next = monotonic_ns();
        while self.wait(life, &mut next) {
            let at = random.next() % self.blocks * self.block;
            let begun = monotonic_ns();
            if writes {
                self.file.write_all_at(buffer.bytes(), at)?;
                self.file.sync_data()?;
            } else {
                self.file.read_exact_at(buffer.bytes(), at)?;
            }
            page.took(Duration::from_nanos(monotonic_ns() - begun));
            let (bytes, count) = if writes {
                (Word::Written, Word::Writes)
            } else {
                (Word::Read, Word::Reads)
            };
            page.add(bytes, self.block);
            page.add(count, 1);
            writes ^= self.operations == Operations::Both;
        }
        Ok(())
    }

    /// Until the next operation is due; false if it may not go on.
    fn wait(self, life: &Life, next: &mut u64) -> bool {
        let Some(pace) = self.pace_ns else {
            return life.goes_on();
        };
        let now = monotonic_ns();
        *next = (*next).max(now.saturating_sub(DEBT_NS));
        let pause = next.saturating_sub(now);
        *next += pace;
        if pause == 0 {
            life.goes_on()
        } else {
            life.rest(Duration::from_nanos(pause))
        }
    }
}

/// Memory that begins at a multiple of [`ALIGNED`].
#[derive(Debug)]
struct Aligned {
    whole: Vec<u8>,
    begin: usize,
    length: usize,
}

impl Aligned {
    fn new(length: usize) -> Self {
        let whole = vec![0; length + ALIGNED];
        let begin = whole.as_ptr().align_offset(ALIGNED).min(ALIGNED);
        Self {
            whole,
            begin,
            length,
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        let end = self.begin + self.length;
        self.whole.get_mut(self.begin..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{ALIGNED, Aligned};

    #[test]
    fn memory_is_aligned_and_as_long_as_was_asked() {
        for length in [512, 4096, 1 << 20] {
            let mut aligned = Aligned::new(length);
            let bytes = aligned.bytes();
            assert_eq!((bytes.as_ptr().addr() % ALIGNED, bytes.len()), (0, length));
        }
    }
}
