//! From the engine's status to text.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::protocol::{EngineStatus, FaultReport, State};

/// Of what [`exposition`] returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Which fault.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    fault: String,
    kind: String,
    owner: String,
}

type Float = Gauge<f64, AtomicU64>;

/// What a gauge measures.
#[derive(Clone, Copy, Debug)]
enum Quantity {
    Share,
    Time,
}

/// Name, help, and where it stands in a report; none if nobody knows.
type CounterRow = (&'static str, &'static str, fn(&FaultReport) -> Option<u64>);
type GaugeRow = (
    &'static str,
    &'static str,
    Quantity,
    fn(&FaultReport) -> Option<f64>,
);

const COUNTERS: &[CounterRow] = &[
    (
        "matched",
        "Events of the target that all filters agreed on",
        |f| Some(f.counters.matched),
    ),
    (
        "eligible",
        "Matched events that the dice were thrown for",
        |f| Some(f.counters.eligible),
    ),
    (
        "expired",
        "Matched events after deadline, lease or max_hits",
        |f| Some(f.counters.expired),
    ),
    ("outside", "Matched events that `when` does not mean", |f| {
        Some(f.counters.outside)
    }),
    ("injected", "Eligible events that suffered", |f| {
        Some(f.counters.injected)
    }),
    ("passed", "Eligible events that the dice spared", |f| {
        Some(f.counters.passed)
    }),
    (
        "foreign",
        "Calls by 32-bit code or io_uring, which are not covered",
        |f| (f.counters.foreign > 0).then_some(f.counters.foreign),
    ),
    ("pulses", "Freezes and limits that were done", |f| {
        f.pulses.map(u64::from)
    }),
    (
        "line_forwarded_packets",
        "Delayed packets given back",
        |f| Some(f.line?.forwarded),
    ),
    (
        "line_discarded_packets",
        "Delayed packets that were overdue",
        |f| Some(f.line?.discarded),
    ),
    (
        "line_failed_packets",
        "Delayed packets that the kernel did not take",
        |f| Some(f.line?.failed),
    ),
];

const GAUGES: &[GaugeRow] = &[
    ("asked", "Probability asked for", Quantity::Share, |f| {
        Some(f.rate?.asked)
    }),
    (
        "observed",
        "Share of eligible events that suffered",
        Quantity::Share,
        |f| Some(f.rate?.observed),
    ),
    (
        "observed_low",
        "Lower end of its interval",
        Quantity::Share,
        |f| Some(f.rate?.low),
    ),
    (
        "observed_high",
        "Upper end of its interval",
        Quantity::Share,
        |f| Some(f.rate?.high),
    ),
    (
        "felt_before",
        "Round trip of the target before",
        Quantity::Time,
        |f| Some(seconds(f.felt.as_ref()?.before_us?, 1e6)),
    ),
    (
        "felt_during",
        "Round trip of the target during",
        Quantity::Time,
        |f| Some(seconds(f.felt.as_ref()?.during_us?, 1e6)),
    ),
    (
        "felt_asked",
        "How much longer it was to become",
        Quantity::Time,
        |f| Some(seconds(f.felt.as_ref()?.asked_us, 1e6)),
    ),
];

/// The state of the engine, none if none runs, as `OpenMetrics` text.
pub fn exposition(status: Option<(&EngineStatus, &[FaultReport])>) -> String {
    let mut registry = Registry::with_prefix("temblor");
    let up: Gauge = Gauge::default();
    up.set(i64::from(status.is_some()));
    registry.register("engine_up", "Whether an engine runs and answers", up);
    if let Some((engine, faults)) = status {
        add_engine(&mut registry, engine);
        // What is only counted injects nothing.
        let acting = faults.iter().filter(|fault| !fault.rehearsal);
        let acting: Vec<FaultReport> = acting.cloned().collect();
        add_counters(&mut registry, &acting);
        add_gauges(&mut registry, &acting);
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _infallible = encode(&mut text, &registry);
    text
}

fn add_engine(registry: &mut Registry, engine: &EngineStatus) {
    let EngineStatus {
        version,
        pid: _,
        keeper: _,
        attached,
        observing,
        lease_ms,
        clients,
        undo_entries,
    } = engine;
    let build = Info::new([("version", version.clone())]);
    registry.register("engine_build", "Version of the engine", build);
    let counts = [
        (
            "engine_attached_programs",
            "Places where kernel programs are attached",
            attached,
        ),
        (
            "engine_observing_programs",
            "Places where kernel programs are attached that only look",
            observing,
        ),
        ("engine_clients", "Connections to the engine", clients),
        (
            "engine_undo_entries",
            "Entries in the undo log",
            undo_entries,
        ),
    ];
    for (name, help, count) in counts {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(*count).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    let lease = Float::default();
    lease.set(seconds(*lease_ms, 1e3));
    let help = "How long faults act if the engine stops now";
    registry.register_with_unit("engine_lease", help, Unit::Seconds, lease);
}

fn add_counters(registry: &mut Registry, faults: &[FaultReport]) {
    for (name, help, read) in COUNTERS {
        let family = Family::<Labels, Counter>::default();
        for fault in faults {
            if let Some(count) = read(fault) {
                family.get_or_create(&labels(fault)).inc_by(count);
            }
        }
        registry.register(format!("fault_{name}"), *help, family);
    }
}

fn add_gauges(registry: &mut Registry, faults: &[FaultReport]) {
    for (name, help, quantity, read) in GAUGES {
        let family = Family::<Labels, Float>::default();
        for fault in faults {
            if let Some(value) = read(fault) {
                family.get_or_create(&labels(fault)).set(value);
            }
        }
        registry.register_with_unit(format!("fault_{name}"), *help, quantity.unit(), family);
    }
    let active = Family::<Labels, Gauge>::default();
    for fault in faults {
        let acts = fault.state == State::Active;
        active.get_or_create(&labels(fault)).set(i64::from(acts));
    }
    registry.register("fault_active", "Whether the fault acts now", active);
}

impl Quantity {
    fn unit(self) -> Unit {
        match self {
            // The Prometheus conventions say it in the singular.
            Self::Share => Unit::Other("ratio".to_owned()),
            Self::Time => Unit::Seconds,
        }
    }
}

fn labels(fault: &FaultReport) -> Labels {
    Labels {
        fault: fault.fault.clone(),
        kind: fault.kind.name().to_owned(),
        owner: fault.owner.clone().unwrap_or_default(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "durations of years keep their microseconds"
)]
fn seconds(value: u64, in_a_second: f64) -> f64 {
    value as f64 / in_a_second
}
