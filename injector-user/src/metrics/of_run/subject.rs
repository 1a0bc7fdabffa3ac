//! What of a report has series of its own, each with the title of its experiment.

use injector_core::report::{BreakerRecord, FaultRecord, Report, TargetRecovery, Verdict};

/// How the run could have ended.
#[derive(Debug)]
pub(super) struct OfVerdict {
    pub(super) experiment: String,
    pub(super) verdict: Verdict,
    pub(super) is_it: bool,
}

/// One of its breakers.
#[derive(Debug)]
pub(super) struct OfBreaker {
    pub(super) experiment: String,
    pub(super) breaker: BreakerRecord,
}

/// One of its faults.
#[derive(Debug)]
pub(super) struct OfFault {
    pub(super) experiment: String,
    pub(super) fault: FaultRecord,
    /// 1 for the first time that a fault of this name was armed.
    pub(super) arming: usize,
}

/// What one of its faults did to one of the targets that were observed.
#[derive(Debug)]
pub(super) struct OfRecovery {
    /// Of the fault, in their order.
    pub(super) labels: [String; 4],
    pub(super) seen: TargetRecovery,
}

/// In the order in which the report's documentation has them.
const VERDICTS: [Verdict; 9] = [
    Verdict::Passed,
    Verdict::NotSteady,
    Verdict::Deviated,
    Verdict::Failed,
    Verdict::Interrupted,
    Verdict::BadInput,
    Verdict::Refused,
    Verdict::BreakerTripped,
    Verdict::UndoIncomplete,
];

pub(super) fn verdicts(report: &Report) -> Vec<OfVerdict> {
    let all = VERDICTS.into_iter().map(|verdict| OfVerdict {
        experiment: report.title.clone(),
        verdict,
        is_it: report.verdict == verdict,
    });
    all.collect()
}

pub(super) fn breakers(report: &Report) -> Vec<OfBreaker> {
    let all = report.breakers.iter().map(|breaker| OfBreaker {
        experiment: report.title.clone(),
        breaker: breaker.clone(),
    });
    all.collect()
}

/// A fault that was armed again stands in the report again, by the same name.
pub(super) fn faults(report: &Report) -> Vec<OfFault> {
    let all = report.faults.iter().enumerate().map(|(at, fault)| {
        let before = report.faults.iter().take(at);
        let same = before.filter(|other| other.name == fault.name);
        OfFault {
            experiment: report.title.clone(),
            fault: fault.clone(),
            arming: same.count() + 1,
        }
    });
    all.collect()
}

pub(super) fn recoveries(faults: &[OfFault]) -> Vec<OfRecovery> {
    let all = faults.iter().flat_map(|of| {
        let seen = of.fault.recoveries.iter();
        seen.map(|seen| OfRecovery {
            labels: of.labels(),
            seen: seen.clone(),
        })
    });
    all.collect()
}

impl OfFault {
    /// Experiment, fault, arming and kind.
    pub(super) fn labels(&self) -> [String; 4] {
        [
            self.experiment.clone(),
            self.fault.name.clone(),
            self.arming.to_string(),
            self.fault.kind.clone(),
        ]
    }
}
