//! What happens in a run, as lines for the person in front of it.

use std::time::Duration;

use injector_core::report::{
    ActivityKind, ActivityRecord, ActivityStatus, Breach, EndReason, FaultRecord, HypothesisResult,
    Phase, ProbeResult, Undo,
};
use injector_core::safety::{State, Transition};
use injector_core::units::format_duration;

use crate::cli::out::Out;
use crate::cli::style::Style;
use crate::runner::{Event, Happened, Side};

/// What is shown of an answer, in characters.
const LONGEST_ANSWER: usize = 100;

/// Prints what happens, each with the time since the run began.
#[derive(Debug)]
pub(super) struct Progress {
    out: Out,
    /// How the hypothesis stood when it was last checked while the method ran.
    during: Option<bool>,
}

impl Progress {
    pub(super) fn new(out: Out) -> Self {
        Self { out, during: None }
    }

    pub(super) fn print(&mut self, happened: &Happened) {
        let Some(text) = self.line(&happened.event) else {
            return;
        };
        let at = format!("{:>8.3} s", happened.at.as_secs_f64());
        self.out
            .note(&format!("{}  {text}", self.out.aside.dim(&at)));
    }

    /// Nothing for what happens too often to be read.
    fn line(&mut self, event: &Event) -> Option<String> {
        let style = self.out.aside;
        match event {
            Event::Begun {
                phase,
                kind,
                name,
                background,
                source: _,
            } => Some(begun(*phase, *kind, name, *background)),
            Event::Activity(performed) => over(&performed.record, style),
            Event::Pause {
                name,
                side,
                duration,
            } => Some(pause(name, *side, *duration)),
            Event::Observing(observation) => Some(format!("observing {observation}")),
            Event::Hypothesis { phase, result, .. } => Some(checked(*phase, result, style)),
            Event::During { met, .. } => self.turned(*met),
            Event::Armed {
                name,
                kind,
                target,
                at_most,
            } => Some(format!(
                "`{name}`: {kind} on {target} for {} at most",
                format_duration(*at_most)
            )),
            Event::Killed => Some(style.bad("every fault is switched off")),
            Event::Fault(fault) => ended(fault, style),
            Event::Transition {
                breaker,
                transition,
            } => Some(moved(breaker, *transition, style)),
            Event::Breach(breach) => Some(cleaned(breach, style)),
            Event::Warning(words) => Some(format!("{}{words}", style.unsure("warning: "))),
            Event::Sample(_) | Event::BreakerSample { .. } | Event::Over(_) => None,
        }
    }

    /// Only the first check and what differs from the one before.
    fn turned(&mut self, met: bool) -> Option<String> {
        let before = self.during.replace(met);
        let style = self.out.aside;
        let how = match (before, met) {
            (None, true) => style.good("holds"),
            (None, false) => style.bad("does not hold"),
            (Some(false), true) => style.good("holds again"),
            (Some(true), false) => style.bad("holds no longer"),
            (Some(_), _) => return None,
        };
        Some(format!("hypothesis while the method runs: {how}"))
    }
}

fn begun(phase: Phase, kind: ActivityKind, name: &str, background: bool) -> String {
    let aside = if background { " in the background" } else { "" };
    format!("{} `{name}` begins{aside}", title(phase, kind))
}

fn title(phase: Phase, kind: ActivityKind) -> &'static str {
    match (phase, kind) {
        (Phase::Rollback, _) => "rollback",
        (_, ActivityKind::Action) => "action",
        (_, ActivityKind::Probe) => "probe",
    }
}

/// The end of an activity; the probes of the hypothesis stand in the line of its check.
fn over(activity: &ActivityRecord, style: Style) -> Option<String> {
    if matches!(activity.phase, Phase::Before | Phase::After) {
        return None;
    }
    let how = match activity.status {
        ActivityStatus::Succeeded => "done".to_owned(),
        ActivityStatus::Failed => style.bad("failed"),
        ActivityStatus::Cancelled => style.unsure("cut short"),
    };
    let title = title(activity.phase, activity.kind);
    let name = &activity.name;
    let took = took(activity.end_ms - activity.start_ms);
    let answer = activity.error.as_ref().or(activity.output.as_ref());
    let answer = answer.map_or_else(String::new, |text| format!(": {}", first_line(text)));
    Some(format!("{title} `{name}` {how} after {took}{answer}"))
}

fn pause(name: &str, side: Side, duration: Duration) -> String {
    let side = match side {
        Side::Before => "before",
        Side::After => "after",
    };
    format!("pause of {} {side} `{name}`", format_duration(duration))
}

fn checked(phase: Phase, result: &HypothesisResult, style: Style) -> String {
    let when = match phase {
        Phase::Before => "before the method",
        Phase::During | Phase::Method => "while the method runs",
        Phase::After | Phase::Rollback => "after the method",
    };
    let how = if result.met {
        style.good("holds")
    } else {
        style.bad("does not hold")
    };
    let probe = |probe: &ProbeResult| {
        let why = probe.why.as_deref().unwrap_or("not met");
        let met = if probe.met { "met" } else { &first_line(why) };
        format!("; `{}`: {met}", probe.name)
    };
    let probes: String = result.probes.iter().map(probe).collect();
    format!("hypothesis {when}: {how}{probes}")
}

/// The end of a fault; that one was not armed stands in the line of its action.
fn ended(fault: &FaultRecord, style: Style) -> Option<String> {
    if fault.ended == EndReason::NeverArmed {
        return None;
    }
    let injected = fault.counters.map_or(0, |counters| counters.injected);
    let undone = match &fault.undo {
        Undo::NothingToUndo | Undo::Verified => String::new(),
        Undo::Incomplete { what } => style.bad(&format!(", not undone: {what}")),
    };
    Some(format!(
        "`{}`: ended, {injected} injected{undone}",
        fault.name
    ))
}

fn moved(breaker: &str, transition: Transition, style: Style) -> String {
    let Transition {
        at: _,
        from,
        to,
        reason,
    } = transition;
    let name = to.to_string();
    let to = match to {
        State::Closed => style.good(&name),
        State::Open => style.bad(&name),
        State::HalfOpen => style.unsure(&name),
    };
    format!("breaker `{breaker}`: {from} to {to}: {reason}")
}

fn cleaned(breach: &Breach, style: Style) -> String {
    let how = match breach.clean_ms {
        Some(clean) => format!("clean {} after the breach", took(clean - breach.at_ms)),
        None => style.bad("not everything was undone"),
    };
    format!("breaker `{}`: {how}", breach.breaker)
}

fn took(ms: f64) -> String {
    if ms < 1e3 {
        format!("{ms:.1} ms")
    } else {
        format!("{:.1} s", ms / 1e3)
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST_ANSWER) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < text.trim_end().len() => format!("{line}…"),
        None => line.to_owned(),
    }
}
