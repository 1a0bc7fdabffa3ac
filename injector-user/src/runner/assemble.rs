//! From what happened to the report.

use std::collections::BTreeMap;
use std::time::Duration;

use injector_core::experiment::{BreakerSpec, Experiment};
use injector_core::report::{
    BreakerRecord, DuringRecord, FORMAT, FaultRecord, HypothesisRecord, HypothesisResult, Left,
    Phase, Quantity, Report, Sample, Series, TransitionRecord, Verdict,
};
use injector_core::safety::{Policy, Transition};
use injector_core::units::format_duration;

use super::clock::{Clock, milliseconds};
use super::event::{Event, Measured};
use super::halt::Halt;
use super::hypothesis::Check;
use super::recovering::Seen;
use super::redact::redacted;
use super::verdict::verdict;

/// What is known besides the events.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) host: BTreeMap<String, String>,
    pub(super) halt: Option<Halt>,
    pub(super) gate: Check,
    pub(super) after: Check,
    /// What targets felt, if somebody looked.
    pub(super) seen: Option<Seen>,
}

/// Makes the report of a run that is over.
pub(super) fn assemble(
    experiment: &Experiment,
    clock: &Clock,
    facts: Facts,
    events: Vec<Event>,
) -> Report {
    let over = clock.elapsed();
    let mut report = empty(experiment, clock, over, facts.host);
    let mut samples: BTreeMap<String, Vec<Measured>> = BTreeMap::new();
    for event in events {
        match event {
            Event::Sample(sample) => samples
                .entry(sample.probe.clone())
                .or_default()
                .push(sample),
            other => note(&mut report, other),
        }
    }
    report
        .activities
        .sort_by(|a, b| a.start_ms.total_cmp(&b.start_ms));
    report.faults.sort_by(|a, b| {
        a.start_ms
            .unwrap_or(f64::MAX)
            .total_cmp(&b.start_ms.unwrap_or(f64::MAX))
    });
    if let Some(seen) = facts.seen {
        note_seen(&mut report, seen);
    }
    report.series = samples
        .into_iter()
        .map(|(name, samples)| series(name, samples))
        .collect();
    let (verdict, reason) = verdict(&report, facts.halt.as_ref(), facts.gate, facts.after);
    report.verdict = verdict;
    report.reason = reason;
    report.exit_code = verdict.exit_code();
    redacted(report, &experiment.secrets)
}

fn empty(
    experiment: &Experiment,
    clock: &Clock,
    over: Duration,
    host: BTreeMap<String, String>,
) -> Report {
    Report {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        title: experiment.title.clone(),
        description: experiment.description.clone(),
        tags: experiment.tags.clone(),
        verdict: Verdict::Passed,
        reason: String::new(),
        exit_code: 0,
        started: clock.wall(Duration::ZERO),
        ended: clock.wall(over),
        duration_ms: milliseconds(over),
        host,
        hypothesis: hypothesis(experiment),
        activities: Vec::new(),
        series: Vec::new(),
        faults: Vec::new(),
        breakers: experiment.breakers.iter().map(breaker).collect(),
        breach: None,
        checks: Vec::new(),
        left_on_host: Left::default(),
        telemetry: None,
        warnings: Vec::new(),
    }
}

/// The hypothesis before any check.
fn hypothesis(experiment: &Experiment) -> Option<HypothesisRecord> {
    let hypothesis = experiment.hypothesis.as_ref()?;
    Some(HypothesisRecord {
        title: hypothesis.title.clone(),
        strategy: experiment.runtime.hypothesis.to_string(),
        before: None,
        during: None,
        after: None,
    })
}

fn breaker(spec: &BreakerSpec) -> BreakerRecord {
    BreakerRecord {
        name: spec.name.clone(),
        probe: spec.probe.activity.name.clone(),
        policy: policy(&spec.policy),
        interval_ms: milliseconds(spec.interval),
        samples: 0,
        failed: Some(0),
        transitions: Vec::new(),
    }
}

/// The thresholds in words.
fn policy(policy: &Policy) -> String {
    let window = policy.window;
    let consecutive =
        (policy.consecutive > 0).then(|| format!("{} bad samples in a row", policy.consecutive));
    let windowed = (window.samples > 0 && window.failures > 0).then(|| {
        format!(
            "{} among the last {} (once there are {})",
            window.failures, window.samples, window.minimum
        )
    });
    let thresholds: Vec<String> = consecutive.into_iter().chain(windowed).collect();
    let rearm = policy.rearm.as_ref().map_or_else(String::new, |rearm| {
        format!(
            "; tries again up to {} times, first after {}",
            rearm.attempts,
            format_duration(rearm.backoff.initial)
        )
    });
    thresholds.join(", or ") + &rearm
}

fn note(report: &mut Report, event: Event) {
    match event {
        Event::Activity(performed) => report.activities.push(performed.record),
        Event::Fault(fault) => report.faults.push(*fault),
        Event::Warning(words) => report.warnings.push(words),
        Event::Hypothesis { phase, result, .. } => note_check(report, phase, result),
        Event::During { met, at_ms, .. } => note_during(report, met, at_ms),
        Event::BreakerSample { breaker, good } => {
            of_name(report, &breaker).for_each(|record| {
                record.samples += 1;
                record.failed = Some(record.failed.unwrap_or_default() + u64::from(!good));
            });
        }
        Event::Transition {
            breaker,
            transition,
        } => {
            of_name(report, &breaker)
                .for_each(|record| record.transitions.push(transition_record(transition)));
        }
        Event::Breach(breach) => report.breach = Some(breach),
        // Samples were gathered by probe before; of the others the end is told too.
        Event::Sample(_)
        | Event::Observing(_)
        | Event::Begun { .. }
        | Event::Armed { .. }
        | Event::Pause { .. }
        | Event::Over(_)
        | Event::Killed => {}
    }
}

/// Faults are told apart by when they were armed: a breaker may arm one of the same name again.
fn note_seen(report: &mut Report, seen: Seen) {
    let Seen { telemetry, faults } = seen;
    report.telemetry = Some(telemetry);
    for fault in faults {
        let is_it = |record: &&mut FaultRecord| {
            record.name == fault.name && record.times == Some(fault.times)
        };
        if let Some(record) = report.faults.iter_mut().find(is_it) {
            record.recoveries = fault.recoveries;
        }
    }
}

fn note_check(report: &mut Report, phase: Phase, result: HypothesisResult) {
    let Some(hypothesis) = &mut report.hypothesis else {
        return;
    };
    let place = if phase == Phase::Before {
        &mut hypothesis.before
    } else {
        &mut hypothesis.after
    };
    *place = Some(result);
}

fn note_during(report: &mut Report, met: bool, at_ms: f64) {
    let Some(hypothesis) = &mut report.hypothesis else {
        return;
    };
    let during = hypothesis.during.get_or_insert_with(DuringRecord::default);
    during.checks += 1;
    if !met {
        during.failed += 1;
        during.first_failed_ms.get_or_insert(at_ms);
    }
}

fn of_name<'a>(
    report: &'a mut Report,
    breaker: &'a str,
) -> impl Iterator<Item = &'a mut BreakerRecord> {
    report
        .breakers
        .iter_mut()
        .filter(move |record| record.name == breaker)
}

fn transition_record(transition: Transition) -> TransitionRecord {
    let Transition {
        at,
        from,
        to,
        reason,
    } = transition;
    TransitionRecord {
        at_ms: milliseconds(at),
        from,
        to,
        reason,
    }
}

/// A probe that answers numbers is charted by them, another by the time it takes.
fn series(name: String, mut samples: Vec<Measured>) -> Series {
    samples.sort_by(|a, b| a.at_ms.total_cmp(&b.at_ms));
    let quantity = if samples.iter().any(|sample| sample.number.is_some()) {
        Quantity::Answer
    } else {
        Quantity::TookMs
    };
    let sample = |sample: &Measured| Sample {
        t: sample.at_ms,
        v: match quantity {
            Quantity::Answer => sample.number,
            Quantity::TookMs => sample.answered.then_some(sample.took_ms),
        },
        ok: sample.met,
    };
    let bounds = samples
        .iter()
        .find_map(|sample| sample.bounds)
        .filter(|_| quantity == Quantity::Answer);
    Series {
        name,
        quantity,
        bounds,
        samples: samples.iter().map(sample).collect(),
    }
}
