//! What is added to a journal while its run goes on.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{Journal, Played, PlayedStatus, SteadyState};
use crate::report::Phase;

/// One thing that was begun or done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// An activity of the method or of the rollbacks begins.
    Begun(Begun),
    /// It is over, or a probe of the hypothesis is.
    Played { phase: Phase, played: Played },
    /// All that was asked of the hypothesis at one time.
    Checked { phase: Phase, state: SteadyState },
}

/// An activity that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    pub phase: Phase,
    /// As it was written.
    pub activity: Value,
    pub start: String,
}

impl Journal {
    /// Takes down what the toolkit would.
    pub fn add(&mut self, entry: Entry) {
        match entry {
            Entry::Played { phase, played } => self.add_played(phase, played),
            Entry::Checked { phase, state } => {
                let states = &mut self.steady_states;
                match phase {
                    Phase::Before => states.before = Some(state),
                    Phase::During => states.during.push(state),
                    _afterwards => states.after = Some(state),
                }
            }
            Entry::Begun(_) => {}
        }
    }

    fn add_played(&mut self, phase: Phase, played: Played) {
        let list = match phase {
            Phase::Method => &mut self.run,
            Phase::Rollback => &mut self.rollbacks,
            // They stand in what was asked of the hypothesis.
            Phase::Before | Phase::During | Phase::After => return,
        };
        // It is told of when it is over; what began before it stands before it.
        let place = list.partition_point(|other| other.start <= played.start);
        list.insert(place, played);
    }
}

impl Begun {
    /// As what nobody saw the end of.
    pub(super) fn aborted(self, end: &str) -> (Phase, Played) {
        let played = Played {
            activity: self.activity,
            output: Value::Null,
            start: self.start,
            status: PlayedStatus::Aborted,
            end: end.to_owned(),
            duration: 0.0,
            tolerance_met: None,
            exception: None,
        };
        (self.phase, played)
    }
}
