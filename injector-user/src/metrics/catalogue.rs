//! Metrics of the engine, of its faults and of the exposition itself, as the reference has them; those of
//! what is observed are [`METRICS`](injector_core::telemetry::METRICS).

use injector_core::telemetry::{Label, Metric, MetricKind, Unit};

use super::row::{Read, Row, gauge};
use crate::protocol::{EngineStatus, FaultReport, State};

/// Whether there is an engine.
pub(super) const UP: Metric = gauge("engine_up", "Whether an engine runs and answers", &[]);
/// Whether what is observed could be had.
pub(super) const OBSERVER_UP: Metric = gauge(
    "observer_up",
    "Whether the engine said at this scrape what it observes; only if something is to be observed",
    &[],
);
/// What had no room.
pub(super) const DROPPED: Metric = gauge(
    "series_dropped",
    "Series of what is observed that have no room in this exposition",
    &[],
);

const VERSION: &[Label] = &[Label {
    name: "version",
    help: "of the engine; one",
}];

pub(super) const ENGINE: &[Row<EngineStatus>] = &[
    Row {
        metric: gauge("engine_build_info", "Version of the engine", VERSION),
        labels: |engine| vec![engine.version.clone()],
        read: Read::Whole(|_engine| Some(1)),
    },
    Row::number(
        "engine_attached_programs",
        "Places where kernel programs are attached",
        |engine| whole(engine.attached),
    ),
    Row::number(
        "engine_observing_programs",
        "Places where kernel programs are attached that only look",
        |engine| whole(engine.observing),
    ),
    Row::number("engine_clients", "Connections to the engine", |engine| {
        whole(engine.clients)
    }),
    Row::number("engine_undo_entries", "Entries in the undo log", |engine| {
        whole(engine.undo_entries)
    }),
    Row {
        metric: Metric {
            unit: Unit::Seconds,
            ..gauge(
                "engine_lease",
                "How long faults act if the engine stops now",
                &[],
            )
        },
        labels: |_engine| Vec::new(),
        read: Read::Real(|engine| Some(seconds(engine.lease_ms, 1e3))),
    },
];

const FAULT: Label = Label {
    name: "fault",
    help: "its name in the engine; at most 64 at once",
};
const KIND: Label = Label {
    name: "kind",
    help: "such as `net.loss`",
};
const OWNER: Label = Label {
    name: "owner",
    help: "whoever it was armed for, or empty",
};
const WHICH: &[Label] = &[FAULT, KIND, OWNER];

const ABOUT: &[Label] = &[
    FAULT,
    KIND,
    OWNER,
    Label {
        name: "target",
        help: "who suffers, as it was asked for",
    },
    Label {
        name: "name",
        help: "what an experiment calls it, or empty",
    },
];

/// What is only counted (`--count`) injects nothing, and has none of these.
pub(super) const FAULTS: &[Row<FaultReport>] = &[
    Row::count(
        "fault_matched",
        "Events of the target that all filters agreed on",
        |fault| Some(fault.counters.matched),
    ),
    Row::count(
        "fault_eligible",
        "Matched events that the dice were thrown for",
        |fault| Some(fault.counters.eligible),
    ),
    Row::count(
        "fault_expired",
        "Matched events after deadline, lease or max_hits",
        |fault| Some(fault.counters.expired),
    ),
    Row::count(
        "fault_outside",
        "Matched events that `when` does not mean",
        |fault| Some(fault.counters.outside),
    ),
    Row::count("fault_injected", "Eligible events that suffered", |fault| {
        Some(fault.counters.injected)
    }),
    Row::count(
        "fault_passed",
        "Eligible events that the dice spared",
        |fault| Some(fault.counters.passed),
    ),
    Row::count(
        "fault_foreign",
        "Calls by 32-bit code or io_uring, which are not covered",
        |fault| more_than_none(fault.counters.foreign),
    ),
    Row::count(
        "fault_missed",
        "Calls that no program has looked at, as it was at work on the same processor",
        |fault| more_than_none(fault.missed),
    ),
    Row::count(
        "fault_pulses",
        "Freezes and limits that were done",
        |fault| fault.pulses.map(u64::from),
    ),
    Row::count(
        "fault_rounds",
        "Rounds of signals that were begun",
        |fault| fault.rounds,
    ),
    Row::count(
        "fault_connections_reset",
        "Open connections that were reset when it began to act",
        |fault| fault.connections_reset,
    ),
    Row::count(
        "fault_sleeps",
        "Callers that slept while their calls took longer, and have been woken",
        |fault| Some(fault.asleep?.callers),
    ),
    Row::count(
        "fault_sleepless",
        "Calls that were to take longer and did not, as there was no room for their callers",
        |fault| Some(fault.asleep?.awake),
    ),
    Row::count(
        "fault_line_forwarded_packets",
        "Delayed packets given back",
        |fault| Some(fault.line?.forwarded),
    ),
    Row::count(
        "fault_line_discarded_packets",
        "Delayed packets that were overdue",
        |fault| Some(fault.line?.discarded),
    ),
    Row::count(
        "fault_line_failed_packets",
        "Delayed packets that the kernel did not take",
        |fault| Some(fault.line?.failed),
    ),
    Row::share("fault_asked", "Probability asked for", |fault| {
        Some(fault.rate?.asked)
    }),
    Row::share(
        "fault_observed",
        "Share of eligible events that suffered",
        |fault| Some(fault.rate?.observed),
    ),
    Row::share("fault_observed_low", "Lower end of its interval", |fault| {
        Some(fault.rate?.low)
    }),
    Row::share(
        "fault_observed_high",
        "Upper end of its interval",
        |fault| Some(fault.rate?.high),
    ),
    Row::time(
        "fault_felt_before",
        "Round trip of the target before",
        |fault| Some(seconds(fault.felt.as_ref()?.before_us?, 1e6)),
    ),
    Row::time(
        "fault_felt_during",
        "Round trip of the target during",
        |fault| Some(seconds(fault.felt.as_ref()?.during_us?, 1e6)),
    ),
    Row::time(
        "fault_felt_asked",
        "How much longer it was to become",
        |fault| Some(seconds(fault.felt.as_ref()?.asked_us, 1e6)),
    ),
    Row::time(
        "fault_slept",
        "How long callers have slept on average",
        |fault| Some(seconds(fault.asleep?.slept_us, 1e6)),
    ),
    Row::time(
        "fault_slept_asked",
        "How long they were to sleep on average",
        |fault| Some(seconds(fault.asleep?.asked_us, 1e6)),
    ),
    Row::time(
        "fault_armed_timestamp",
        "When it was armed, since 1970",
        |fault| Some(seconds(fault.window.armed_unix_ms, 1e3)),
    ),
    Row {
        metric: gauge("fault_active", "Whether the fault acts now", WHICH),
        labels: which,
        read: Read::Whole(|fault| Some(u64::from(fault.state == State::Active))),
    },
    Row {
        metric: gauge("fault_info", "Whom the fault is aimed at", ABOUT),
        labels: about,
        read: Read::Whole(|_fault| Some(1)),
    },
];

impl Row<EngineStatus> {
    const fn number(
        name: &'static str,
        help: &'static str,
        read: fn(&EngineStatus) -> Option<u64>,
    ) -> Self {
        Self {
            metric: gauge(name, help, &[]),
            labels: |_engine| Vec::new(),
            read: Read::Whole(read),
        }
    }
}

impl Row<FaultReport> {
    const fn count(
        name: &'static str,
        help: &'static str,
        read: fn(&FaultReport) -> Option<u64>,
    ) -> Self {
        Self {
            metric: Metric {
                kind: MetricKind::Counter,
                ..gauge(name, help, WHICH)
            },
            labels: which,
            read: Read::Whole(read),
        }
    }

    const fn share(
        name: &'static str,
        help: &'static str,
        read: fn(&FaultReport) -> Option<f64>,
    ) -> Self {
        Self::real(name, help, Unit::Ratio, read)
    }

    const fn time(
        name: &'static str,
        help: &'static str,
        read: fn(&FaultReport) -> Option<f64>,
    ) -> Self {
        Self::real(name, help, Unit::Seconds, read)
    }

    const fn real(
        name: &'static str,
        help: &'static str,
        unit: Unit,
        read: fn(&FaultReport) -> Option<f64>,
    ) -> Self {
        Self {
            metric: Metric {
                unit,
                ..gauge(name, help, WHICH)
            },
            labels: which,
            read: Read::Real(read),
        }
    }
}

fn whole(count: usize) -> Option<u64> {
    u64::try_from(count).ok()
}

fn which(fault: &FaultReport) -> Vec<String> {
    vec![
        fault.fault.clone(),
        fault.kind.name().to_owned(),
        fault.owner.clone().unwrap_or_default(),
    ]
}

fn about(fault: &FaultReport) -> Vec<String> {
    let mut labels = which(fault);
    labels.push(fault.params.get("target").cloned().unwrap_or_default());
    labels.push(fault.name.clone().unwrap_or_default());
    labels
}

fn more_than_none(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "durations of years keep their microseconds"
)]
fn seconds(value: u64, in_a_second: f64) -> f64 {
    value as f64 / in_a_second
}
