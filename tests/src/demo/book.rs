//! What the demo has found out: the checks, the faults, and when everything was.

use injector_core::proof;
use injector_core::report::{
    ActivityKind, ActivityRecord, ActivityStatus, Breach, BreakerRecord, Check, EndReason,
    FaultRecord, Felt, Phase, Report, Series, Undo,
};
use injector_user::clock::{monotonic_ns, unix_ms};
use injector_user::protocol::{Ended, FaultReport, State};

use super::shift::{Moved, moved, shifted};

/// Facts in the order in which they were found out.
#[derive(Debug)]
pub(super) struct Book {
    /// The demo's time 0, by both clocks.
    pub(super) started_ns: u64,
    pub(super) started_unix_ms: u64,
    pub(super) checks: Vec<Check>,
    pub(super) activities: Vec<ActivityRecord>,
    pub(super) faults: Vec<FaultRecord>,
    pub(super) breakers: Vec<BreakerRecord>,
    pub(super) breach: Option<Breach>,
    /// What an experiment's own probes measured.
    pub(super) series: Vec<Series>,
    /// What was found on the host at the end that was not there before; none while nobody looked.
    pub(super) left: Option<Vec<String>>,
}

impl Book {
    pub(super) fn open() -> Self {
        Self {
            started_ns: monotonic_ns(),
            started_unix_ms: unix_ms(),
            checks: Vec::new(),
            activities: Vec::new(),
            faults: Vec::new(),
            breakers: Vec::new(),
            breach: None,
            series: Vec::new(),
            left: None,
        }
    }

    /// A moment as the report tells it.
    #[expect(clippy::cast_precision_loss, reason = "minutes, not months")]
    pub(super) fn ms(&self, at_ns: u64) -> f64 {
        at_ns.saturating_sub(self.started_ns) as f64 / 1e6
    }

    pub(super) fn failed(&self) -> usize {
        self.checks.iter().filter(|check| !check.passed).count()
    }

    /// Puts down a fault under the name of its act, as the engine reported it.
    pub(super) fn fault(&mut self, name: &str, report: &FaultReport) {
        let (ended, undo) = ending(&report.state);
        let end_ns = report.window.ended_ns;
        let record = FaultRecord {
            name: name.to_owned(),
            kind: report.kind.name().to_owned(),
            target: report.params.get("target").cloned().unwrap_or_default(),
            asked: report.params.clone(),
            mechanism: Some(mechanism(report)),
            plan: serde_json::to_value(&report.plan).unwrap_or_default(),
            start_ms: Some(self.ms(report.window.armed_ns)),
            end_ms: (end_ns > 0).then(|| self.ms(end_ns)),
            intensity: 1.0,
            counters: Some(report.counters),
            rate: report.rate,
            felt: report.felt.as_ref().and_then(felt),
            ended,
            undo,
            error: None,
            times: None,
            recoveries: Vec::new(),
        };
        self.faults.push(record);
    }

    /// What was felt of the fault that was put down last, where the engine cannot measure it.
    pub(super) fn felt(&mut self, quantity: &str, [before, during, asked]: [f64; 3]) {
        let proof::Felt {
            before_us,
            during_us,
            asked_us,
            flagged,
        } = proof::Felt::new(before * 1e3, during * 1e3, asked * 1e3);
        if let Some(record) = self.faults.last_mut() {
            record.felt = Some(Felt {
                quantity: quantity.to_owned(),
                before_us,
                during_us,
                asked_us,
                flagged,
            });
        }
    }

    /// Puts down a fault that ended with its engine; `undo` is what a look at the host said.
    pub(super) fn orphan(&mut self, report: &FaultReport, at_ns: u64, undo: Undo) {
        let mut report = report.clone();
        report.window.ended_ns = at_ns;
        let kind = report.kind.name();
        let word = kind.split_once('.').map_or(kind, |(_, word)| word);
        self.fault(&format!("{word}, killed"), &report);
        if let Some(record) = self.faults.last_mut() {
            record.ended = EndReason::EngineLost;
            record.undo = undo;
        }
    }

    /// Takes over what an experiment's report says.
    pub(super) fn experiment(&mut self, report: Report) {
        let by_ms = shifted(self, &report).unwrap_or_default();
        let Moved {
            faults,
            breakers,
            breach,
            series,
        } = moved(report, by_ms);
        self.faults.extend(faults);
        self.breakers.extend(breakers);
        self.series.extend(series);
        self.breach = breach.or(self.breach.take());
    }

    /// Puts down an act from `from_ns` until now.
    pub(super) fn act(&mut self, name: &str, from_ns: u64, failed: bool) {
        let record = ActivityRecord {
            phase: Phase::Method,
            name: name.to_owned(),
            kind: ActivityKind::Action,
            provider: "temblor".to_owned(),
            background: false,
            start_ms: self.ms(from_ns),
            end_ms: self.ms(monotonic_ns()),
            status: if failed {
                ActivityStatus::Failed
            } else {
                ActivityStatus::Succeeded
            },
            output: None,
            error: None,
        };
        self.activities.push(record);
    }
}

fn ending(state: &State) -> (EndReason, Undo) {
    let how = match state {
        State::Pending | State::Active => {
            let what = "it was still armed when it was last looked at".to_owned();
            return (EndReason::EngineLost, Undo::Incomplete { what });
        }
        State::UndoIncomplete { what } => {
            let what = what.clone();
            return (EndReason::Stopped, Undo::Incomplete { what });
        }
        State::Ended { how } => how,
    };
    let reason = match how {
        Ended::Deadline => EndReason::Duration,
        Ended::Stopped => EndReason::Stopped,
        Ended::OwnerGone => EndReason::Interrupted,
        Ended::TargetGone => EndReason::TargetGone,
        Ended::Finished => EndReason::MaxHits,
    };
    (reason, Undo::Verified)
}

#[expect(clippy::cast_precision_loss, reason = "seconds, not centuries")]
fn felt(felt: &injector_user::protocol::Felt) -> Option<Felt> {
    Some(Felt {
        quantity: "round trip of the target's sockets, as the kernel smooths it".to_owned(),
        before_us: felt.before_us? as f64,
        during_us: felt.during_us? as f64,
        asked_us: felt.asked_us as f64,
        flagged: felt.flagged,
    })
}

fn mechanism(report: &FaultReport) -> String {
    let all = report.plan.mechanisms();
    let names: Vec<String> = all.iter().map(ToString::to_string).collect();
    names.join(", ")
}
