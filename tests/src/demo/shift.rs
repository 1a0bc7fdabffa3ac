//! An experiment's report, moved to the demo's own time.

use injector_core::report::{BreakerRecord, FaultRecord, Report, Series};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::book::Book;

/// What the demo's report takes over from an experiment's.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) faults: Vec<FaultRecord>,
    pub(super) breakers: Vec<BreakerRecord>,
    pub(super) breach: Option<injector_core::report::Breach>,
    pub(super) series: Vec<Series>,
}

/// Milliseconds from the demo's start to the experiment's.
#[expect(clippy::cast_precision_loss, reason = "minutes, not months")]
pub(super) fn shifted(book: &Book, report: &Report) -> Option<f64> {
    let started = OffsetDateTime::parse(&report.started, &Rfc3339).ok()?;
    let experiment_ms = started.unix_timestamp_nanos() / 1_000_000;
    let demo_ms = i128::from(book.started_unix_ms);
    Some((experiment_ms - demo_ms) as f64)
}

/// The experiment's facts, as the demo's clock has them.
pub(super) fn moved(report: Report, by_ms: f64) -> Moved {
    let Report {
        mut faults,
        mut breakers,
        mut breach,
        mut series,
        ..
    } = report;
    let shift = |ms: &mut f64| *ms += by_ms;
    for fault in &mut faults {
        fault
            .start_ms
            .iter_mut()
            .chain(&mut fault.end_ms)
            .for_each(shift);
    }
    for transition in breakers.iter_mut().flat_map(|it| &mut it.transitions) {
        shift(&mut transition.at_ms);
    }
    if let Some(breach) = &mut breach {
        shift(&mut breach.at_ms);
        breach
            .killed_ms
            .iter_mut()
            .chain(&mut breach.clean_ms)
            .for_each(shift);
    }
    for sample in series.iter_mut().flat_map(|it| &mut it.samples) {
        shift(&mut sample.t);
    }
    Moved {
        faults,
        breakers,
        breach,
        series,
    }
}
