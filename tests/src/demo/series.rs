//! The clients' latency as the report draws it.

use std::collections::BTreeMap;

use injector_core::report::{Quantity, Sample, Series};

use super::book::Book;
use super::client::Lane;
use super::figures::took_ms;
use super::tape::Tape;

/// A sample of a series stands for so long; no shorter effect is of interest here.
const BIN_NS: u64 = 50_000_000;

/// The longest operation under way in every stretch of time: what an average would hide is what hurts.
pub(super) fn series(book: &Book, name: &str, tape: &Tape, lane: Lane) -> Series {
    let mut bins: BTreeMap<u64, (f64, bool)> = BTreeMap::new();
    let bin = |at_ns: u64| at_ns.saturating_sub(book.started_ns) / BIN_NS;
    for operation in tape.lane(lane) {
        for bin in bin(operation.start_ns)..=bin(operation.end_ns()) {
            let (longest, ok) = bins.entry(bin).or_insert((0.0, true));
            *longest = longest.max(took_ms(&operation));
            *ok &= operation.is_ok();
        }
    }
    let samples = bins.into_iter().map(|(bin, (longest, ok))| Sample {
        t: book.ms(book.started_ns + bin * BIN_NS),
        v: Some(longest),
        ok,
    });
    Series {
        name: name.to_owned(),
        quantity: Quantity::TookMs,
        bounds: None,
        samples: samples.collect(),
    }
}
