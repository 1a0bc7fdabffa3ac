//! The journal of a run whose process ended before it did.

use serde_json::Value;

use super::entry::{Begun, Entry};
use super::model::{Journal, Played, PlayedStatus, Status, SteadyState};
use crate::report::Phase;

/// What is known of a run that was not seen to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    journal: Journal,
    rollbacks: Vec<Value>,
    begun: Vec<Begun>,
    /// Probes of the hypothesis that was being checked.
    asked: Vec<(Phase, Played)>,
    /// When the last thing happened that is known.
    last: String,
}

impl Unfinished {
    /// Of a run of which nothing but the beginning is known, and which rollbacks it is to play.
    pub fn new(journal: Journal, rollbacks: Vec<Value>) -> Self {
        Self {
            last: journal.start.clone(),
            journal,
            rollbacks,
            begun: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// Takes down what happened next.
    pub fn add(&mut self, entry: Entry) {
        match &entry {
            Entry::Begun(begun) => {
                self.note_time(&begun.start);
                self.begun.push(begun.clone());
            }
            Entry::Played { phase, played } => {
                self.note_time(&played.end);
                self.forget_begun(*phase, played);
                if !matches!(phase, Phase::Method | Phase::Rollback) {
                    self.asked.push((*phase, played.clone()));
                }
            }
            Entry::Checked { phase, .. } => self.asked.retain(|(asked, _probe)| asked != phase),
        }
        self.journal.add(entry);
    }

    /// Rollbacks that nobody has seen succeed, as they were written.
    pub fn rollbacks_left(&self) -> Vec<&Value> {
        let mut done: Vec<_> = self.journal.rollbacks.iter().collect();
        done.retain(|played| played.status == PlayedStatus::Succeeded);
        // One may be written more than once: each is done by one of those that were played.
        let is_left = |rollback: &&Value| {
            let place = done.iter().position(|played| played.activity == **rollback);
            place.map(|place| done.remove(place)).is_none()
        };
        self.rollbacks.iter().filter(is_left).collect()
    }

    /// When it began, ISO 8601.
    pub fn start(&self) -> &str {
        &self.journal.start
    }

    /// What is known, as the journal of a run that was interrupted.
    pub fn interrupted(self) -> Journal {
        let Self {
            mut journal,
            rollbacks: _,
            begun,
            asked,
            last,
        } = self;
        for begun in begun {
            let (phase, played) = begun.aborted(&last);
            journal.add(Entry::Played { phase, played });
        }
        for phase in [Phase::Before, Phase::During, Phase::After] {
            let probes = asked.iter().filter(|(asked, _probe)| *asked == phase);
            let probes: Vec<_> = probes.map(|(_phase, probe)| probe.clone()).collect();
            if !probes.is_empty() {
                // Nobody knows what those would have said that were not asked.
                let steady_state_met = false;
                let state = SteadyState {
                    steady_state_met,
                    probes,
                };
                journal.add(Entry::Checked { phase, state });
            }
        }
        journal.status = Status::Interrupted;
        journal.end = last;
        journal
    }

    /// Times of one form, in UTC, are ordered as their texts.
    fn note_time(&mut self, time: &str) {
        if *time > *self.last {
            time.clone_into(&mut self.last);
        }
    }

    fn forget_begun(&mut self, phase: Phase, played: &Played) {
        let is_this = |begun: &Begun| begun.phase == phase && begun.activity == played.activity;
        if let Some(place) = self.begun.iter().position(is_this) {
            self.begun.remove(place);
        }
    }
}
