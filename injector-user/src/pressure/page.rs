//! The page that an engine and one crew share: until when the crew may go on, and what it has done.

use std::num::NonZeroUsize;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::sys::memory::SharedCells;

/// What a cell of the page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Word {
    /// Monotonic ns: the engine's main loop will be back by then. The engine writes it.
    Lease,
    /// Monotonic ns: the end at the latest; 0 until it is to begin. The engine writes it.
    Deadline,
    /// An errno: why it does less than it was told.
    Trouble,
    /// Threads that work.
    Workers,
    /// Processor time of all workers, in ns.
    Busy,
    /// Time of all workers, in ns.
    Elapsed,
    /// Bytes that are held now.
    Held,
    /// The most that were.
    Most,
    /// Bytes that were given back for the host's sake.
    GivenBack,
    /// Bytes.
    Read,
    Written,
    /// Operations.
    Reads,
    Writes,
    /// 1 if they go past the page cache.
    Direct,
    /// Monotonic ns: when the last of the preparations was done.
    Begun,
}

const WORDS: usize = 16;
const _: () = assert!((Word::Begun as usize) < WORDS);

/// Latencies by powers of two, each divided into [`PARTS`].
const LATENCIES: usize = 64 * PARTS;
const PARTS: usize = 8;
const PARTS_BITS: u32 = PARTS.ilog2();

const COUNT: NonZeroUsize = NonZeroUsize::new(WORDS + LATENCIES).expect("not zero");

#[derive(Debug)]
pub(super) struct Page {
    shared: SharedCells,
}

impl Page {
    /// A page, and the file by which a crew gets it.
    pub(super) fn make() -> nix::Result<(Self, OwnedFd)> {
        let file = SharedCells::file(COUNT)?;
        let shared = SharedCells::of(std::os::fd::AsFd::as_fd(&file), COUNT)?;
        Ok((Self { shared }, file))
    }

    pub(super) fn of(file: BorrowedFd<'_>) -> nix::Result<Self> {
        SharedCells::of(file, COUNT).map(|shared| Self { shared })
    }

    pub(super) fn get(&self, word: Word) -> u64 {
        self.cell(word).load(Ordering::Acquire)
    }

    pub(super) fn set(&self, word: Word, value: u64) {
        self.cell(word).store(value, Ordering::Release);
    }

    pub(super) fn add(&self, word: Word, more: u64) {
        self.cell(word).fetch_add(more, Ordering::AcqRel);
    }

    /// Bytes that are held from now on.
    pub(super) fn hold(&self, bytes: u64) {
        self.set(Word::Held, bytes);
        self.cell(Word::Most).fetch_max(bytes, Ordering::AcqRel);
    }

    /// An operation has taken so long.
    pub(super) fn took(&self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        if let Some(cell) = self.latencies().get(bucket(nanos)) {
            cell.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The latency that so many percent of the operations did not exceed, to an eighth of it.
    pub(super) fn latency(&self, percent: u64) -> Option<Duration> {
        let counts = self.latencies().iter();
        let counts: Vec<u64> = counts.map(|cell| cell.load(Ordering::Acquire)).collect();
        let all: u64 = counts.iter().sum();
        let wanted = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found
            .filter(|_| all > 0)
            .map(|index| Duration::from_nanos(upper(index)))
    }

    fn latencies(&self) -> &[AtomicU64] {
        self.shared.cells().get(WORDS..).unwrap_or_default()
    }

    fn cell(&self, word: Word) -> &AtomicU64 {
        // There are `WORDS` of them at least, and no `Word` is that high.
        &self.shared.cells()[word as usize]
    }
}

fn bucket(nanos: u64) -> usize {
    let power = nanos.max(1).ilog2();
    let part = match power.checked_sub(PARTS_BITS) {
        Some(shift) => (nanos >> shift) & (PARTS as u64 - 1),
        None => 0,
    };
    power as usize * PARTS + usize::try_from(part).unwrap_or_default()
}

/// The end of a bucket.
fn upper(index: usize) -> u64 {
    let (power, part) = (index / PARTS, index % PARTS);
    let low = 1_u64 << power.min(63);
    low.saturating_add((low >> PARTS_BITS).saturating_mul(part as u64 + 1))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::time::Duration;

    use super::{Page, Word, bucket, upper};

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let (ours, file) = Page::make().unwrap();
        let theirs = Page::of(file.as_fd()).unwrap();
        ours.set(Word::Lease, 7);
        theirs.add(Word::Busy, 2);
        theirs.add(Word::Busy, 3);
        theirs.hold(9);
        theirs.hold(4);
        let found = [Word::Lease, Word::Busy, Word::Held, Word::Most].map(|word| ours.get(word));
        assert_eq!(found, [7, 5, 4, 9]);
    }

    #[test]
    fn latencies_are_known_to_an_eighth() {
        for nanos in [1, 9, 1_000, 123_456, 987_654_321, u64::MAX / 3] {
            let bound = upper(bucket(nanos));
            assert!(
                bound >= nanos && bound - nanos <= nanos / 8 + 1,
                "{nanos}: {bound}"
            );
        }
        let (page, _file) = Page::make().unwrap();
        assert_eq!(page.latency(50), None);
        for _ in 0..99 {
            page.took(Duration::from_micros(10));
        }
        page.took(Duration::from_millis(10));
        let [half, most] = [50, 100].map(|percent| page.latency(percent).unwrap());
        assert!(half < Duration::from_micros(12), "{half:?}");
        assert!(most > Duration::from_millis(9), "{most:?}");
    }
}
