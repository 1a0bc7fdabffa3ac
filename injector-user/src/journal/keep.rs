//! From the events of a run to its journal.

use std::collections::BTreeMap;
use std::time::SystemTime;

use injector_core::experiment::Experiment;
use injector_core::journal::{
    Begun, Entry, FOLLOWED, Journal, Played, PlayedStatus, Status, SteadyState, SteadyStates,
};
use injector_core::report::{ActivityStatus, Phase, Report};

use super::moment::Beginning;
use crate::runner::{Cut, Event, Happened, Performed};

/// A journal that is being written.
#[derive(Debug)]
pub struct Keeper {
    journal: Journal,
    began: Beginning,
    cut: Option<Cut>,
}

impl Keeper {
    /// Of a run that begins at this wall time, on a host of these facts.
    pub fn begin(
        experiment: &Experiment,
        started: SystemTime,
        host: &BTreeMap<String, String>,
    ) -> Self {
        let fact = |name: &str| host.get(name).cloned().unwrap_or_default();
        let began = Beginning(started);
        let mut source = (*experiment.source).clone();
        if let Some(members) = source.as_object_mut() {
            let dry = experiment.runtime.dry.map(|dry| dry.name().into());
            members.insert("dry".to_owned(), dry.unwrap_or_default());
        }
        Self {
            journal: Journal {
                chaoslib_version: FOLLOWED.to_owned(),
                platform: format!("Linux-{}-{}", fact("kernel"), fact("architecture")),
                node: fact("name"),
                experiment: experiment.secrets.redact_value(source),
                start: began.after_ms(0.0),
                status: Status::Completed,
                deviated: false,
                steady_states: SteadyStates::default(),
                run: Vec::new(),
                rollbacks: Vec::new(),
                end: String::new(),
                duration: 0.0,
                temblor: None,
            },
            began,
            cut: None,
        }
    }

    /// What the toolkit would take down, which is done here.
    pub fn note(&mut self, happened: &Happened) -> Option<Entry> {
        if let Event::Over(cut) = &happened.event {
            self.cut = *cut;
        }
        let entry = entry(self.began, happened)?;
        self.journal.add(entry.clone());
        Some(entry)
    }

    /// As far as it is known.
    pub fn so_far(&self) -> &Journal {
        &self.journal
    }

    /// The whole journal of a run that ended with this report.
    pub fn end(&self, report: &Report) -> Journal {
        let (mut journal, began) = (self.journal.clone(), self.began);
        journal.status = status(&journal.steady_states, self.cut);
        journal.deviated = !is_met(journal.steady_states.after.as_ref());
        journal.duration = report.duration_ms / 1e3;
        journal.end = began.after_ms(report.duration_ms);
        journal.temblor = Some(report.clone());
        journal
    }
}

/// What an event is to the toolkit.
fn entry(began: Beginning, happened: &Happened) -> Option<Entry> {
    let checked = |phase: Phase, met: bool, probes: &[Performed]| Entry::Checked {
        phase,
        state: checked(began, met, probes),
    };
    Some(match &happened.event {
        Event::Begun { phase, source, .. } => Entry::Begun(Begun {
            phase: *phase,
            activity: (**source).clone(),
            start: began.after_ms(happened.at.as_secs_f64() * 1e3),
        }),
        Event::Activity(performed) => Entry::Played {
            phase: performed.record.phase,
            played: played(began, performed),
        },
        Event::Hypothesis {
            phase,
            result,
            probes,
        } => checked(*phase, result.met, probes),
        Event::During { met, probes, .. } => checked(Phase::During, *met, probes),
        _not_the_toolkits => return None,
    })
}

/// By the toolkit's rules: an answer that is not tolerated fails nothing, no answer does.
fn status(states: &SteadyStates, cut: Option<Cut>) -> Status {
    match cut {
        Some(Cut::Person | Cut::Breaker) => return Status::Interrupted,
        Some(Cut::Fault) => return Status::Aborted,
        // The last word is what it is like afterwards, if that was asked.
        Some(Cut::FailFast) if is_met(states.after.as_ref()) => return Status::Failed,
        Some(Cut::FailFast) | None => {}
    }
    let checks = [&states.before, &states.after].into_iter().flatten();
    let mut probes = checks.flat_map(|state| &state.probes);
    if probes.any(|probe| probe.status != PlayedStatus::Succeeded) {
        Status::Failed
    } else {
        Status::Completed
    }
}

fn is_met(state: Option<&SteadyState>) -> bool {
    state.is_none_or(|state| state.steady_state_met)
}

fn checked(began: Beginning, met: bool, probes: &[Performed]) -> SteadyState {
    SteadyState {
        steady_state_met: met,
        probes: probes.iter().map(|probe| played(began, probe)).collect(),
    }
}

fn played(began: Beginning, performed: &Performed) -> Played {
    let record = &performed.record;
    let error = record.error.as_ref();
    Played {
        activity: (*performed.source).clone(),
        output: performed.output.clone(),
        start: began.after_ms(record.start_ms),
        status: match record.status {
            ActivityStatus::Succeeded => PlayedStatus::Succeeded,
            ActivityStatus::Failed => PlayedStatus::Failed,
            ActivityStatus::Cancelled => PlayedStatus::Aborted,
        },
        end: began.after_ms(record.end_ms),
        duration: (record.end_ms - record.start_ms) / 1e3,
        tolerance_met: performed.met,
        // As Python writes one without its traceback.
        exception: error.map(|why| vec![format!("chaoslib.exceptions.ActivityFailed: {why}\n")]),
    }
}
