//! Strangers who join a network namespace that was the target's alone: they are no targets. From then
//! on the fault's packets are told by their sockets.

use std::time::Duration;

use injector_core::plan::{Plan, plan};

use super::house::nanos;
use super::running::Running;
use super::state::Engine;
use crate::clock::monotonic_ns;
use crate::protocol::{Failure, State};
use crate::target::Residents;

/// Looking reads a link of every process on the host.
const LOOK: Duration = Duration::from_secs(1);

/// What is known of strangers on the host.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    due_ns: u64,
    /// As of this look, if it was due.
    residents: Option<Residents>,
}

impl Strangers {
    /// Once for all faults.
    fn look(&mut self, is_needed: bool) {
        let now_ns = monotonic_ns();
        self.residents = None;
        if is_needed && now_ns >= self.due_ns {
            self.due_ns = now_ns + nanos(LOOK);
            self.residents = Some(Residents::look());
        }
    }

    /// Whether somebody has joined the fault's target since the last look.
    pub(super) fn have_joined(&self, running: &mut Running) -> bool {
        let Some(residents) = &self.residents else {
            return false;
        };
        let found = residents.strangers(&running.spec.target, &running.plan);
        let is_news = !found.is_subset(&running.strangers);
        running.strangers = found;
        is_news
    }
}

impl Engine {
    /// Leaves strangers alone who have joined targets that do not come back; about others see `follow`.
    pub(super) fn leave_strangers_alone(&mut self) {
        let Self {
            faults, strangers, ..
        } = self;
        let active = |running: &Running| running.state == State::Active;
        let alone = |running: &Running| {
            active(running) && Residents::matter_to(&running.spec.target, &running.plan)
        };
        strangers.look(faults.values().any(alone));
        let joined = faults.values_mut().filter_map(|running| {
            let stays = active(running) && !running.spec.target.is_restartable();
            (stays && strangers.have_joined(running)).then(|| running.id.clone())
        });
        for id in joined.collect::<Vec<_>>() {
            // Out of the list of what is armed meanwhile: it does not conflict with itself.
            if let Some(mut running) = self.faults.remove(&id) {
                let planned = self.plan_for_the_same(&running);
                let moved = planned.and_then(|plan| self.move_to(&mut running, plan));
                running.note_move(moved);
                self.faults.insert(id, running);
            }
        }
    }

    fn plan_for_the_same(&mut self, running: &Running) -> Result<Plan, Failure> {
        let inventory = self.gather(None, &running.spec)?;
        plan(&inventory, &running.spec)
            .map_err(|refusal| super::arm::refusal(refusal, &running.spec))
    }
}
