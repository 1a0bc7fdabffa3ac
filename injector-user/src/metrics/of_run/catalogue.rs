//! The tables that a run's metrics and their reference are made from.
//!
//! Everything is a gauge: it is what one run came to, and the next one begins anew.

use std::time::Duration;

use injector_core::report::{Report, Verdict};
use injector_core::safety::State;
use injector_core::telemetry::{Label, Metric, Moment, Unit};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::row::{Read, Row, gauge};
use super::subject::{OfBreaker, OfFault, OfRecovery, OfVerdict};

const EXPERIMENT: Label = Label {
    name: "experiment",
    help: "its title",
};
const FAULT: Label = Label {
    name: "fault",
    help: "the name of the action that armed it",
};
const ARMING: Label = Label {
    name: "arming",
    help: "1 for the first time that it was armed, more where a breaker let it be armed again",
};
const KIND: Label = Label {
    name: "kind",
    help: "such as `net.loss`",
};
const TARGET: Label = Label {
    name: "target",
    help: "of a fault, who was to suffer; of a recovery, who was observed",
};

const WHICH: &[Label] = &[EXPERIMENT];
const VERDICT: &[Label] = &[
    EXPERIMENT,
    Label {
        name: "verdict",
        help: "`passed`, `not-steady`, `deviated`, `failed`, `interrupted`, `bad-input`, `refused`, \
               `breaker-tripped` or `undo-incomplete`",
    },
];
const BREAKER: &[Label] = &[
    EXPERIMENT,
    Label {
        name: "breaker",
        help: "its name in the experiment",
    },
];
const OF_FAULT: &[Label] = &[EXPERIMENT, FAULT, ARMING, KIND, TARGET];

pub(super) const RUN: &[Row<Report>] = &[
    Row::of_run("run_started_timestamp", "When it began", |report| {
        timestamp(&report.started)
    }),
    Row::of_run("run_ended_timestamp", "When it ended", |report| {
        timestamp(&report.ended)
    }),
    Row::of_run("run_duration", "How long it took", |report| {
        Some(report.duration_ms / 1e3)
    }),
    Row {
        metric: gauge(
            "run_clean",
            "Whether nothing of it is left on the host",
            WHICH,
        ),
        labels: |report| vec![report.title.clone()],
        read: Read::Whole(|report| Some(u64::from(report.is_clean()))),
    },
];

pub(super) const VERDICTS: &[Row<OfVerdict>] = &[Row {
    metric: gauge("run_verdict", "Whether it ended so", VERDICT),
    labels: |of| vec![of.experiment.clone(), verdict(of.verdict).to_owned()],
    read: Read::Whole(|of| Some(u64::from(of.is_it))),
}];

pub(super) const BREAKERS: &[Row<OfBreaker>] = &[
    Row::of_breaker(
        "run_breaker_open",
        "Whether it kept the faults off in the end: 1, or 0 where they could act",
        |of| Some(u64::from(state(of) == State::Open)),
    ),
    Row::of_breaker("run_breaker_openings", "How often it opened", |of| {
        let transitions = of.breaker.transitions.iter();
        whole(transitions.filter(|one| one.to == State::Open).count())
    }),
    Row::of_breaker(
        "run_breaker_samples",
        "How often its probe was asked",
        |of| Some(of.breaker.samples),
    ),
    Row::of_breaker(
        "run_breaker_failed_samples",
        "How often its probe failed",
        |of| of.breaker.failed,
    ),
];

pub(super) const FAULTS: &[Row<OfFault>] = &[
    Row::of_fault(
        "run_fault_armed_timestamp",
        "When it was armed",
        Unit::Seconds,
        |of| {
            let armed = of.fault.times?.armed;
            Some(Duration::from_nanos(armed.unix_ns).as_secs_f64())
        },
    ),
    Row::of_fault(
        "run_fault_onset",
        "From when it was armed to its first injection",
        Unit::Seconds,
        |of| {
            let times = of.fault.times?;
            Some(between(times.armed, times.injected?))
        },
    ),
    Row::of_fault(
        "run_fault_effect_ended",
        "From when it was armed to the end of its effect",
        Unit::Seconds,
        |of| {
            let times = of.fault.times?;
            Some(between(times.armed, times.ended?))
        },
    ),
    Row {
        metric: gauge("run_fault_injections", "What suffered", OF_FAULT),
        labels: |of| labels(&of.labels(), &of.fault.target),
        read: Read::Whole(|of| Some(of.fault.counters?.injected)),
    },
];

/// Durations are since the first injection, so that they can be compared with one another.
pub(super) const RECOVERIES: &[Row<OfRecovery>] = &[
    Row::of_recovery(
        "run_recovery_detected",
        "From the first injection until the target was first seen outside what is natural for it",
        |of| Some(of.seen.recovery.time_to_detect()?.as_secs_f64()),
    ),
    Row::of_recovery(
        "run_recovery_effect_ended",
        "From the first injection to the end of the fault",
        |of| {
            let recovery = &of.seen.recovery;
            Some(between(recovery.onset?, recovery.effect_ended?))
        },
    ),
    Row::of_recovery(
        "run_recovery_returned",
        "From the first injection until everything that was outside was natural again",
        |of| {
            let recovery = &of.seen.recovery;
            Some(between(recovery.onset?, recovery.recovered?))
        },
    ),
    Row::of_recovery(
        "run_recovery_took",
        "From the end of the fault until then; 0 if it was before",
        |of| Some(of.seen.recovery.time_to_recover()?.as_secs_f64()),
    ),
    Row::of_breaches("run_recovery_breaches", "Bands that were left", |of| {
        whole(of.seen.recovery.breaches.len())
    }),
    Row::of_breaches(
        "run_recovery_open_breaches",
        "Of those, bands that nobody saw it come back to",
        |of| {
            let breaches = of.seen.recovery.breaches.iter();
            whole(breaches.filter(|one| one.recovered.is_none()).count())
        },
    ),
];

/// Every metric of a run.
pub(in crate::metrics) fn reference() -> Vec<&'static Metric> {
    let run = RUN.iter().map(|row| &row.metric);
    let verdicts = VERDICTS.iter().map(|row| &row.metric);
    let breakers = BREAKERS.iter().map(|row| &row.metric);
    let faults = FAULTS.iter().map(|row| &row.metric);
    let recoveries = RECOVERIES.iter().map(|row| &row.metric);
    run.chain(verdicts)
        .chain(breakers)
        .chain(faults)
        .chain(recoveries)
        .collect()
}

const fn unit_of(
    name: &'static str,
    help: &'static str,
    unit: Unit,
    labels: &'static [Label],
) -> Metric {
    Metric {
        unit,
        ..gauge(name, help, labels)
    }
}

impl Row<Report> {
    const fn of_run(
        name: &'static str,
        help: &'static str,
        read: fn(&Report) -> Option<f64>,
    ) -> Self {
        Self {
            metric: unit_of(name, help, Unit::Seconds, WHICH),
            labels: |report| vec![report.title.clone()],
            read: Read::Real(read),
        }
    }
}

impl Row<OfBreaker> {
    const fn of_breaker(
        name: &'static str,
        help: &'static str,
        read: fn(&OfBreaker) -> Option<u64>,
    ) -> Self {
        Self {
            metric: gauge(name, help, BREAKER),
            labels: |of| vec![of.experiment.clone(), of.breaker.name.clone()],
            read: Read::Whole(read),
        }
    }
}

impl Row<OfFault> {
    const fn of_fault(
        name: &'static str,
        help: &'static str,
        unit: Unit,
        read: fn(&OfFault) -> Option<f64>,
    ) -> Self {
        Self {
            metric: unit_of(name, help, unit, OF_FAULT),
            labels: |of| labels(&of.labels(), &of.fault.target),
            read: Read::Real(read),
        }
    }
}

impl Row<OfRecovery> {
    const fn of_recovery(
        name: &'static str,
        help: &'static str,
        read: fn(&OfRecovery) -> Option<f64>,
    ) -> Self {
        Self {
            metric: unit_of(name, help, Unit::Seconds, OF_FAULT),
            labels: |of| labels(&of.labels, &of.seen.target),
            read: Read::Real(read),
        }
    }

    const fn of_breaches(
        name: &'static str,
        help: &'static str,
        read: fn(&OfRecovery) -> Option<u64>,
    ) -> Self {
        Self {
            metric: gauge(name, help, OF_FAULT),
            labels: |of| labels(&of.labels, &of.seen.target),
            read: Read::Whole(read),
        }
    }
}

fn labels(of: &[String; 4], target: &str) -> Vec<String> {
    let target = target.to_owned();
    of.iter().cloned().chain([target]).collect()
}

fn state(of: &OfBreaker) -> State {
    let last = of.breaker.transitions.last();
    last.map_or(State::Closed, |transition| transition.to)
}

/// As the report's JSON has it.
fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::NotSteady => "not-steady",
        Verdict::Deviated => "deviated",
        Verdict::Failed => "failed",
        Verdict::Interrupted => "interrupted",
        Verdict::BadInput => "bad-input",
        Verdict::Refused => "refused",
        Verdict::BreakerTripped => "breaker-tripped",
        Verdict::UndoIncomplete => "undo-incomplete",
    }
}

/// None where it is no time.
fn timestamp(text: &str) -> Option<f64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let milliseconds = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()?;
    Some(Duration::from_millis(milliseconds).as_secs_f64())
}

fn between(from: Moment, to: Moment) -> f64 {
    to.since(from).as_secs_f64()
}

fn whole(count: usize) -> Option<u64> {
    u64::try_from(count).ok()
}
