//! Reports as a run could have left them.

use std::collections::BTreeMap;

use injector_core::proof::{Counters, Rate};
use injector_core::report::{
    ActivityKind, ActivityRecord, ActivityStatus, Breach, BreakerRecord, Check, DuringRecord,
    EndReason, FORMAT, FaultRecord, Felt, HypothesisRecord, HypothesisResult, Left, Phase,
    ProbeResult, Quantity, Report, Sample, Series, TransitionRecord, Undo, Verdict,
};
use injector_core::safety::{State, TransitionReason, TripReason};

fn words(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// A run of nothing.
pub(crate) fn empty() -> Report {
    Report {
        format: FORMAT,
        version: "0.1.0".to_owned(),
        title: "Nothing".to_owned(),
        description: String::new(),
        tags: Vec::new(),
        verdict: Verdict::Passed,
        reason: "there was nothing to do".to_owned(),
        exit_code: 0,
        started: "2026-03-01T14:03:07.250Z".to_owned(),
        ended: "2026-03-01T14:03:07.250Z".to_owned(),
        duration_ms: 0.0,
        host: BTreeMap::new(),
        hypothesis: None,
        activities: Vec::new(),
        series: Vec::new(),
        faults: Vec::new(),
        breakers: Vec::new(),
        breach: None,
        checks: Vec::new(),
        left_on_host: Left::default(),
        telemetry: None,
        warnings: Vec::new(),
    }
}

/// A slow Redis that is then cut off until the breaker trips.
pub(crate) fn tripped() -> Report {
    let end = 16_380.0;
    Report {
        title: "Redis answers within 60 ms even when its network is slow".to_owned(),
        description: "The shop keeps its carts in Redis. We delay Redis's packets, then lose them, and expect the shop to \
                      stay usable; a breaker ends the experiment as soon as it is not."
            .to_owned(),
        tags: vec!["redis".to_owned()],
        verdict: Verdict::BreakerTripped,
        reason: "breaker `carts` opened after 3 bad samples in a row, and every fault was off 4.1 ms later".to_owned(),
        exit_code: 4,
        ended: "2026-03-01T14:03:23.630Z".to_owned(),
        duration_ms: end,
        host: words(&[("name", "shaker-1"), ("kernel", "6.18.0"), ("processors", "2")]),
        hypothesis: Some(hypothesis()),
        activities: activities(),
        series: vec![latency(end), status(end)],
        faults: faults(),
        breakers: vec![breaker()],
        breach: Some(Breach {
            breaker: "carts".to_owned(),
            reason: TripReason::ConsecutiveFailures { failures: 3 },
            at_ms: 14_120.0,
            killed_ms: Some(14_121.3),
            clean_ms: Some(14_124.1),
        }),
        checks: vec![
            Check { about: Some("slow".to_owned()), name: "the other client was untouched".to_owned(), passed: true, detail: "0 of 800 calls slower than 2 ms".to_owned() },
            Check { about: None, name: "the host is as it was".to_owned(), passed: true, detail: "links, qdiscs, cgroups, BPF programs".to_owned() },
        ],
        left_on_host: Left { verified: true, items: Vec::new() },
        warnings: vec!["the control `audit` is kept but not acted on".to_owned()],
        ..empty()
    }
}

fn hypothesis() -> HypothesisRecord {
    let probe = |name: &str, tolerance: &str| ProbeResult {
        name: name.to_owned(),
        tolerance: tolerance.to_owned(),
        met: true,
        why: None,
    };
    HypothesisRecord {
        title: "Carts can be read".to_owned(),
        strategy: "continuously".to_owned(),
        before: Some(HypothesisResult {
            at_ms: 2.0,
            met: true,
            probes: vec![
                probe("cart latency", "0 to 60"),
                probe("shop answers", "200"),
            ],
        }),
        during: Some(DuringRecord {
            checks: 14,
            failed: 1,
            first_failed_ms: Some(14_020.0),
        }),
        after: None,
    }
}

fn activities() -> Vec<ActivityRecord> {
    let act = |phase, kind, name: &str, start_ms: f64, end_ms: f64, output: &str| ActivityRecord {
        phase,
        name: name.to_owned(),
        kind,
        provider: if kind == ActivityKind::Probe {
            "process"
        } else {
            "temblor"
        }
        .to_owned(),
        background: false,
        start_ms,
        end_ms,
        status: ActivityStatus::Succeeded,
        output: Some(output.to_owned()),
        error: None,
    };
    vec![
        act(
            Phase::Before,
            ActivityKind::Probe,
            "cart latency",
            2.0,
            9.0,
            "{\"status\":0,\"stdout\":\"0.21\\n\"}",
        ),
        act(
            Phase::Before,
            ActivityKind::Probe,
            "shop answers",
            9.0,
            31.0,
            "{\"status\":200,\"body\":\"ok\"}",
        ),
        act(
            Phase::Method,
            ActivityKind::Action,
            "slow-redis",
            2_030.0,
            2_034.0,
            "armed",
        ),
        ActivityRecord {
            background: true,
            ..act(
                Phase::Method,
                ActivityKind::Probe,
                "fill carts",
                2_040.0,
                13_400.0,
                "{\"status\":0}",
            )
        },
        act(
            Phase::Method,
            ActivityKind::Action,
            "lossy-redis",
            12_040.0,
            12_043.0,
            "armed",
        ),
        ActivityRecord {
            status: ActivityStatus::Failed,
            output: None,
            error: Some("failed to connect to the shop's address".to_owned()),
            ..act(
                Phase::Method,
                ActivityKind::Probe,
                "read a cart",
                13_450.0,
                14_030.0,
                "",
            )
        },
        act(
            Phase::Rollback,
            ActivityKind::Action,
            "warm the cache",
            14_300.0,
            16_200.0,
            "{\"status\":0}",
        ),
    ]
}

/// As short in the golden file as a clock would allow.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// A number in `[0, 1)` that looks random and is always the same.
fn noise(i: u32) -> f64 {
    f64::from((i.wrapping_mul(2_654_435_761)) >> 8) / f64::from(1u32 << 24)
}

fn latency(end: f64) -> Series {
    let sample = |i: u32| {
        let t = f64::from(i) * 50.0;
        let v = match t {
            t if !(2_034.0..=14_125.0).contains(&t) => Some(0.2 + noise(i) * 0.15),
            t if t < 12_043.0 => Some(15.3 + noise(i) * 10.0),
            t if t < 14_000.0 && noise(i) > 0.3 => Some(15.3 + noise(i) * 60.0),
            _ => None,
        };
        Sample {
            t,
            v: v.map(rounded),
            ok: v.is_some_and(|v| v <= 60.0),
        }
    };
    let samples = (0..10_000).map(sample).take_while(|s| s.t < end).collect();
    Series {
        name: "cart latency".to_owned(),
        quantity: Quantity::Answer,
        bounds: Some((0.0, 60.0)),
        samples,
    }
}

fn status(end: f64) -> Series {
    let sample = |i: u32| {
        let t = 31.0 + f64::from(i) * 1_000.0;
        let slow = if (2_034.0..14_125.0).contains(&t) {
            42.0
        } else {
            1.0
        };
        Sample {
            t,
            v: Some(rounded(slow + noise(i) * 4.0)),
            ok: !(14_000.0..14_125.0).contains(&t),
        }
    };
    let samples = (0..10_000).map(sample).take_while(|s| s.t < end).collect();
    Series {
        name: "shop answers".to_owned(),
        quantity: Quantity::TookMs,
        bounds: None,
        samples,
    }
}

fn faults() -> Vec<FaultRecord> {
    let asked = |pairs: &[(&str, &str)]| words(pairs);
    let base = FaultRecord {
        name: String::new(),
        kind: String::new(),
        target: "netns:redis".to_owned(),
        asked: BTreeMap::new(),
        mechanism: None,
        plan: serde_json::Value::Null,
        start_ms: None,
        end_ms: None,
        intensity: 1.0,
        counters: None,
        rate: None,
        felt: None,
        ended: EndReason::Breaker,
        undo: Undo::Verified,
        error: None,
        times: None,
        recoveries: Vec::new(),
    };
    vec![
        FaultRecord {
            name: "slow-redis".to_owned(),
            kind: "net.delay".to_owned(),
            asked: asked(&[
                ("duration", "60s"),
                ("jitter", "5ms"),
                ("latency", "20ms"),
                ("target", "netns:redis"),
            ]),
            mechanism: Some("tap-line".to_owned()),
            plan: serde_json::json!({ "mechanism": "tap-line", "hooks": [{ "interface": "veth-redis", "direction": "egress" }] }),
            start_ms: Some(2_034.0),
            end_ms: Some(14_121.3),
            counters: Some(Counters {
                matched: 4_120,
                eligible: 4_120,
                injected: 4_120,
                ..Counters::default()
            }),
            felt: Some(Felt {
                quantity: "round trip of the target's sockets".to_owned(),
                before_us: 210.0,
                during_us: 20_460.0,
                asked_us: 20_000.0,
                flagged: false,
            }),
            ..base.clone()
        },
        FaultRecord {
            name: "lossy-redis".to_owned(),
            kind: "net.loss".to_owned(),
            asked: asked(&[
                ("duration", "60s"),
                ("ports", "6379"),
                ("probability", "30%"),
                ("target", "netns:redis"),
            ]),
            mechanism: Some("tcx".to_owned()),
            start_ms: Some(12_043.0),
            end_ms: Some(14_121.3),
            counters: Some(Counters {
                matched: 1_934,
                eligible: 1_902,
                expired: 32,
                outside: 0,
                injected: 581,
                passed: 1_321,
                foreign: 0,
            }),
            rate: Some(Rate {
                asked: 0.3,
                observed: 0.3055,
                low: 0.2713,
                high: 0.3411,
                confidence: 0.999,
            }),
            ..base
        },
    ]
}

fn breaker() -> BreakerRecord {
    BreakerRecord {
        name: "carts".to_owned(),
        probe: "cart latency".to_owned(),
        policy: "3 bad samples in a row, or 5 among the last 20".to_owned(),
        interval_ms: 50.0,
        samples: 283,
        failed: Some(4),
        transitions: vec![TransitionRecord {
            at_ms: 14_120.0,
            from: State::Closed,
            to: State::Open,
            reason: TransitionReason::Tripped(TripReason::ConsecutiveFailures { failures: 3 }),
        }],
    }
}
