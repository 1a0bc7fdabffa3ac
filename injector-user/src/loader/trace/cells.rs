//! The rows that the kernel's programs count in, read where they lie: each has a cell for each processor.

use std::mem::offset_of;

use injector_abi::trace::{BUCKETS, MOST_ROWS, Row};

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
/// Two of them in each word.
const FIRST_BUCKETS: usize = offset_of!(Row, buckets) / WORD;
const _: () = assert!(size_of::<Row>().is_multiple_of(WORD));
const _: () = assert!(offset_of!(Row, buckets).is_multiple_of(WORD) && BUCKETS.is_multiple_of(2));

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
    pub(super) fn row(&self, row: u32) -> impl Iterator<Item = Row> {
        self.starts(row).map(|start| self.cell(start))
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

    fn cell(&self, start: usize) -> Row {
        let mut row = Row {
            events: self.word(start + EVENTS),
            errors: self.word(start + ERRORS),
            returned: self.word(start + RETURNED),
            total_ns: self.word(start + TOTAL),
            buckets: [0; BUCKETS as usize],
        };
        for (pair, word) in row.buckets.chunks_exact_mut(2).zip(start + FIRST_BUCKETS..) {
            let both = self.word(word).to_ne_bytes();
            for (bucket, bytes) in pair.iter_mut().zip(both.as_chunks().0) {
                *bucket = u32::from_ne_bytes(*bytes);
            }
        }
        row
    }

    fn word(&self, index: usize) -> u64 {
        self.words.load(index).unwrap_or_default()
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
