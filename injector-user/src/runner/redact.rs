//! Takes the experiment's secrets out of its report.

use std::sync::Arc;

use injector_core::experiment::Secrets;
use injector_core::report::{
    ActivityRecord, FaultRecord, HypothesisRecord, HypothesisResult, Report, Telemetry, Undo,
};

use serde_json::Value;

use super::event::{Event, Performed};

/// The report without any secret in what came from the experiment or from its answers.
pub(super) fn redacted(mut report: Report, secrets: &Secrets) -> Report {
    let hide = |text: &mut String| *text = secrets.redact(text);
    for text in [
        &mut report.title,
        &mut report.description,
        &mut report.reason,
    ] {
        hide(text);
    }
    report.warnings.iter_mut().for_each(hide);
    report
        .activities
        .iter_mut()
        .for_each(|activity| hide_activity(activity, secrets));
    report
        .faults
        .iter_mut()
        .for_each(|fault| hide_fault(fault, secrets));
    if let Some(telemetry) = &mut report.telemetry {
        hide_telemetry(telemetry, secrets);
    }
    if let Some(hypothesis) = &mut report.hypothesis {
        hide_hypothesis(hypothesis, secrets);
    }
    report
}

/// The same for one event of a run that is not over.
pub(super) fn redacted_event(mut event: Event, secrets: &Secrets) -> Event {
    match &mut event {
        Event::Activity(performed) => hide_performed(performed, secrets),
        Event::Fault(fault) => hide_fault(fault, secrets),
        Event::Hypothesis { result, probes, .. } => {
            hide_result(result, secrets);
            hide_all(probes, secrets);
        }
        Event::During { probes, .. } => hide_all(probes, secrets),
        Event::Armed { target: text, .. } | Event::Observing(text) | Event::Warning(text) => {
            *text = secrets.redact(text);
        }
        Event::Begun { source, .. } => hide_source(source, secrets),
        Event::Pause { .. }
        | Event::Sample(_)
        | Event::Killed
        | Event::Transition { .. }
        | Event::BreakerSample { .. }
        | Event::Over(_)
        | Event::Breach(_) => {}
    }
    event
}

fn hide_all(probes: &mut [Performed], secrets: &Secrets) {
    for probe in probes {
        hide_performed(probe, secrets);
    }
}

/// The activity, too: a secret may be written there.
fn hide_performed(performed: &mut Performed, secrets: &Secrets) {
    hide_activity(&mut performed.record, secrets);
    performed.output = secrets.redact_value(performed.output.take());
    hide_source(&mut performed.source, secrets);
}

fn hide_source(source: &mut Arc<Value>, secrets: &Secrets) {
    *source = Arc::new(secrets.redact_value((**source).clone()));
}

fn hide_activity(activity: &mut ActivityRecord, secrets: &Secrets) {
    for text in [&mut activity.output, &mut activity.error]
        .into_iter()
        .flatten()
    {
        *text = secrets.redact(text);
    }
}

fn hide_fault(fault: &mut FaultRecord, secrets: &Secrets) {
    let hide = |text: &mut String| *text = secrets.redact(text);
    hide(&mut fault.target);
    fault.asked.values_mut().for_each(hide);
    fault.error.iter_mut().for_each(hide);
    for seen in &mut fault.recoveries {
        hide(&mut seen.target);
        for breach in &mut seen.recovery.breaches {
            hide(&mut breach.explanation);
            breach.series.labels.iter_mut().for_each(hide);
        }
    }
    fault.plan = secrets.redact_value(fault.plan.take());
    if let Undo::Incomplete { what } = &mut fault.undo {
        hide(what);
    }
}

fn hide_telemetry(telemetry: &mut Telemetry, secrets: &Secrets) {
    let hide = |text: &mut String| *text = secrets.redact(text);
    telemetry.targets.iter_mut().for_each(hide);
    for natural in &mut telemetry.natural {
        hide(&mut natural.target);
        natural.missing.iter_mut().for_each(hide);
    }
    for line in &mut telemetry.timeline.lines {
        line.series.labels.iter_mut().for_each(hide);
    }
}

fn hide_hypothesis(hypothesis: &mut HypothesisRecord, secrets: &Secrets) {
    let results = [&mut hypothesis.before, &mut hypothesis.after]
        .into_iter()
        .flatten();
    results.for_each(|result| hide_result(result, secrets));
}

fn hide_result(result: &mut HypothesisResult, secrets: &Secrets) {
    for probe in &mut result.probes {
        probe.tolerance = secrets.redact(&probe.tolerance);
        probe.why = probe.why.as_deref().map(|why| secrets.redact(why));
    }
}
