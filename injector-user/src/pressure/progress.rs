//! What a crew was to do and what it has done.

use std::time::Duration;

use injector_core::plan::Task;
use injector_core::units::nanoseconds;

use super::page::{Page, Word};
use crate::clock::monotonic_ns;
use crate::protocol::Measure;

/// Read from the page at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub measures: Vec<Measure>,
    /// An errno: why it does less than it was told.
    pub trouble: Option<i32>,
    /// Bytes that were given back for the host's sake.
    pub given_back: u64,
}

impl Progress {
    pub(super) fn of(task: &Task, page: &Page) -> Self {
        let measures = match task {
            Task::Cpu { load, .. } => vec![calculated(*load, page)],
            Task::Memory { bytes, .. } => vec![held("memory held", *bytes, page)],
            Task::Fill { bytes, .. } => vec![held("room taken", *bytes, page)],
            Task::Disk { rate, .. } => moved(*rate, page),
        };
        Self {
            measures,
            trouble: i32::try_from(page.get(Word::Trouble))
                .ok()
                .filter(|errno| *errno != 0),
            given_back: page.get(Word::GivenBack),
        }
    }
}

fn calculated(load: u16, page: &Page) -> Measure {
    let (busy, elapsed) = (page.get(Word::Busy), page.get(Word::Elapsed));
    Measure {
        what: "load of each worker".to_owned(),
        unit: "%".to_owned(),
        asked: Some(f64::from(load) / 100.0),
        observed: 100.0 * float(busy) / float(elapsed.max(1)),
    }
}

fn held(what: &str, bytes: u64, page: &Page) -> Measure {
    Measure {
        what: what.to_owned(),
        unit: "bytes".to_owned(),
        asked: Some(float(bytes)),
        observed: float(page.get(Word::Most)),
    }
}

fn moved(rate: Option<u64>, page: &Page) -> Vec<Measure> {
    let begun = page.get(Word::Begun);
    let lasted = match begun {
        0 => 0,
        begun => page
            .get(Word::Deadline)
            .min(monotonic_ns())
            .saturating_sub(begun),
    };
    let seconds = (float(lasted) / 1e9).max(1e-9);
    let row = |what: &str, unit: &str, asked, observed| Measure {
        what: what.to_owned(),
        unit: unit.to_owned(),
        asked,
        observed,
    };
    let get = |word| float(page.get(word));
    let both = get(Word::Read) + get(Word::Written);
    let operations = get(Word::Reads) + get(Word::Writes);
    let mut rows = vec![
        row("moved", "bytes/s", rate.map(float), both / seconds),
        row("read", "bytes", None, get(Word::Read)),
        row("written", "bytes", None, get(Word::Written)),
        row("operations", "1/s", None, operations / seconds),
    ];
    for (what, percent) in [("latency p50", 50), ("latency p99", 99)] {
        let micros = |latency: Duration| float(nanoseconds(latency)) / 1e3;
        let latency = page.latency(percent).map(micros);
        rows.extend(latency.map(|micros| row(what, "us", None, micros)));
    }
    rows
}

#[expect(
    clippy::cast_precision_loss,
    reason = "shares of what is far below 2^52, or rounded anyway"
)]
fn float(value: u64) -> f64 {
    value as f64
}
