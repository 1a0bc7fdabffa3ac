//! The rows that the kernel's programs count in, read where they lie: each has a cell for each processor.

use std::mem::offset_of;
use std::sync::atomic::{AtomicU64, Ordering};

use injector_abi::trace::{MOST_ROWS, Row, STRETCH};

use super::super::maps::{Maps, MapsError};
use crate::sys::words::Words;

/// The cells of all rows, mapped.
pub(super) struct Cells {
    words: Words,
    processors: usize,
}

/// Words of a cell.
const WORDS: usize = size_of::<Row>() / WORD;
const WORD: usize = size_of::<u64>();
const EVENTS: usize = offset_of!(Row, events) / WORD;
const ERRORS: usize = offset_of!(Row, errors) / WORD;
const RETURNED: usize = offset_of!(Row, returned) / WORD;
const TOTAL: usize = offset_of!(Row, total_ns) / WORD;
const USED: usize = offset_of!(Row, used) / WORD;
/// Two of them in each word.
const FIRST_BUCKETS: usize = offset_of!(Row, buckets) / WORD;
const _: () = assert!(STRETCH.is_multiple_of(2));
const _: () = assert!(size_of::<Row>().is_multiple_of(WORD));
const _: () = assert!(offset_of!(Row, buckets).is_multiple_of(WORD));

/// A row as one processor has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'a>(&'a [AtomicU64]);

impl Cells {
    pub(super) fn of(maps: &Maps) -> Result<Self, MapsError> {
        let processors = processors();
        Ok(Self {
            words: maps.words("ROWS", rows() as usize * processors * WORDS)?,
            processors,
        })
    }

    /// How much a row has counted, on all processors.
    pub(super) fn events(&self, row: u32) -> u64 {
        let events = self.starts(row).map(|start| self.word(start + EVENTS));
        events.sum()
    }

    /// A row as each processor has it.
    pub(super) fn row(&self, row: u32) -> impl Iterator<Item = Cell<'_>> {
        let words = |start| self.words.some(start, WORDS);
        self.starts(row).filter_map(words).map(Cell)
    }

    /// Nobody may be counting in it.
    pub(super) fn clear(&self, row: u32) {
        for start in self.starts(row) {
            for word in start..start + WORDS {
                self.words.store(word, 0);
            }
        }
    }

    fn starts(&self, row: u32) -> impl Iterator<Item = usize> + use<> {
        let first = row as usize * self.processors;
        (first..first + self.processors).map(|cell| cell * WORDS)
    }

    fn word(&self, index: usize) -> u64 {
        self.words.load(index).unwrap_or_default()
    }
}

impl Cell<'_> {
    pub(super) fn events(self) -> u64 {
        self.word(EVENTS)
    }

    pub(super) fn errors(self) -> u64 {
        self.word(ERRORS)
    }

    pub(super) fn returned(self) -> u64 {
        self.word(RETURNED)
    }

    pub(super) fn total_ns(self) -> u64 {
        self.word(TOTAL)
    }

    /// As of [`Row`].
    pub(super) fn used(self) -> u64 {
        self.word(USED)
    }

    /// The buckets from `first` on, which begins a stretch.
    pub(super) fn buckets(self, first: usize) -> impl Iterator<Item = u32> {
        let words = self.0.get(FIRST_BUCKETS + first / 2..).unwrap_or_default();
        words.iter().flat_map(|word| {
            let bytes = word.load(Ordering::Relaxed).to_ne_bytes();
            let [first, second] = [0, 1].map(|half| bytes.as_chunks().0[half]);
            [first, second].map(u32::from_ne_bytes)
        })
    }

    fn word(self, index: usize) -> u64 {
        self.0[index].load(Ordering::Relaxed)
    }
}

/// Cells of all rows.
pub(in super::super) fn cells() -> u32 {
    rows() * u32::try_from(processors()).unwrap_or(u32::MAX)
}

/// How many rows there are: as many as fit into [`ROOM`], whatever the number of processors.
pub(super) fn rows() -> u32 {
    let fit = ROOM / (size_of::<Row>() * processors());
    let fit = u32::try_from(fit).unwrap_or(MOST_ROWS);
    fit.clamp(FEWEST, MOST_ROWS)
}

/// Those that this kernel may come to have.
pub(super) fn processors() -> usize {
    aya::util::nr_cpus().unwrap_or(1).max(1)
}

/// Bytes of the kernel's memory for rows.
const ROOM: usize = 64 << 20;
/// As many as a host has that does what hosts usually do; on one with very many processors they take more.
const FEWEST: u32 = 512;

#[cfg(test)]
pub(super) mod tests {
    use super::{AtomicU64, Cell, Row};

    /// What a processor has of a row, as it lies in memory.
    pub(in super::super) fn words(row: &Row) -> Vec<AtomicU64> {
        let numbers = [row.events, row.errors, row.returned, row.total_ns, row.used];
        let pairs = row.buckets.chunks(2).map(|pair| {
            let [first, second] = [0, 1].map(|half| pair[half].to_ne_bytes());
            u64::from_ne_bytes([first, second].concat().try_into().unwrap())
        });
        numbers
            .into_iter()
            .chain(pairs)
            .map(AtomicU64::new)
            .collect()
    }

    pub(in super::super) fn cell(words: &[AtomicU64]) -> Cell<'_> {
        Cell(words)
    }
}
