//! How a run ended, and the one sentence that says why.

use injector_core::report::{
    ActivityKind, ActivityStatus, BreakerRecord, FaultRecord, HypothesisRecord, HypothesisResult,
    Phase, Report, Undo, Verdict,
};
use injector_core::safety::State;

use super::faults::FaultErrorClass;
use super::halt::Halt;
use super::hypothesis::Check;

/// The verdict and its reason; the worst wins.
pub(super) fn verdict(
    report: &Report,
    halt: Option<&Halt>,
    gate: Check,
    after: Check,
) -> (Verdict, String) {
    of_undo(report)
        .or_else(|| halt.map(|halt| of_halt(report, halt)))
        .or_else(|| of_breakers(report))
        .or_else(|| of_hypothesis(report, gate, after))
        .or_else(|| of_activities(report))
        .unwrap_or_else(|| (Verdict::Passed, passed(report).to_owned()))
}

fn of_undo(report: &Report) -> Option<(Verdict, String)> {
    let left = |fault: &FaultRecord| match &fault.undo {
        Undo::Incomplete { what } => Some(format!(
            "what `{}` changed was not put back: {what}",
            fault.name
        )),
        Undo::Verified | Undo::NothingToUndo => None,
    };
    Some((
        Verdict::UndoIncomplete,
        report.faults.iter().find_map(left)?,
    ))
}

fn of_halt(report: &Report, halt: &Halt) -> (Verdict, String) {
    match halt {
        Halt::Breaker { name, reason } => {
            let off = report
                .breach
                .as_ref()
                .and_then(|breach| Some(breach.clean_ms? - breach.at_ms));
            let off = off.map_or_else(String::new, |ms| {
                format!(", and every fault was off {ms:.1} ms later")
            });
            (
                Verdict::BreakerTripped,
                format!("breaker `{name}` opened after {reason}{off}"),
            )
        }
        Halt::Cancelled(_) => (
            Verdict::Interrupted,
            "a person ended the run; its faults are off".to_owned(),
        ),
        Halt::Fault {
            name,
            class,
            message,
        } => (
            of_class(*class),
            format!("`{name}` was not armed: {message}"),
        ),
        Halt::Observing { class, message } => {
            (of_class(*class), format!("nothing was observed: {message}"))
        }
        Halt::FailFast => (
            Verdict::Deviated,
            "the hypothesis did not hold while the method ran".to_owned(),
        ),
    }
}

fn passed(report: &Report) -> &'static str {
    match &report.hypothesis {
        Some(HypothesisRecord {
            before: None,
            during: None,
            after: None,
            ..
        }) => "everything was done; the hypothesis was not to be checked",
        Some(_) => "the steady state held",
        None => "everything was done; there is no hypothesis to judge by",
    }
}

/// A breaker that opened and let the experiment go on, weaker, is a finding all the same.
fn of_breakers(report: &Report) -> Option<(Verdict, String)> {
    let opened = |breaker: &&BreakerRecord| breaker.transitions.iter().any(|t| t.to == State::Open);
    let breaker = report.breakers.iter().find(opened)?;
    let times = breaker
        .transitions
        .iter()
        .filter(|t| t.to == State::Open)
        .count();
    let words = format!(
        "breaker `{}` opened {times} times, and the experiment went on with weaker faults",
        breaker.name
    );
    Some((Verdict::BreakerTripped, words))
}

fn of_class(class: FaultErrorClass) -> Verdict {
    match class {
        FaultErrorClass::Input => Verdict::BadInput,
        FaultErrorClass::Refused => Verdict::Refused,
        FaultErrorClass::Failed => Verdict::Failed,
        FaultErrorClass::UndoIncomplete => Verdict::UndoIncomplete,
    }
}

fn of_hypothesis(report: &Report, gate: Check, after: Check) -> Option<(Verdict, String)> {
    let hypothesis = report.hypothesis.as_ref()?;
    let unmet = |result: Option<&HypothesisResult>| {
        let probe = result.and_then(|result| result.probes.last());
        probe.map_or_else(String::new, |probe| {
            format!(
                "`{}`: {}",
                probe.name,
                probe.why.as_deref().unwrap_or("not met")
            )
        })
    };
    if gate != Check::Met {
        return Some((Verdict::NotSteady, unmet(hypothesis.before.as_ref())));
    }
    if after != Check::Met {
        return Some((Verdict::Deviated, unmet(hypothesis.after.as_ref())));
    }
    let during = hypothesis.during.filter(|during| during.failed > 0)?;
    let words = format!(
        "{} of {} checks while the method ran were not met",
        during.failed, during.checks
    );
    Some((Verdict::Deviated, words))
}

/// A failing action means that the experiment did not do what it says; a failing probe of the
/// method is an observation.
fn of_activities(report: &Report) -> Option<(Verdict, String)> {
    let failed = report.activities.iter().find(|activity| {
        let acts = activity.kind == ActivityKind::Action || activity.phase == Phase::Rollback;
        acts && activity.status == ActivityStatus::Failed
    })?;
    Some((
        Verdict::Failed,
        format!(
            "`{}` failed: {}",
            failed.name,
            failed.error.as_deref().unwrap_or("no reason is known")
        ),
    ))
}
