//! Strangers who join a network namespace that was the target's alone: they are no targets. From then
//! on the fault's packets are told by their sockets.

use std::collections::BTreeSet;
use std::time::Duration;

use injector_core::plan::{Plan, plan};

use super::house::nanos;
use super::running::Running;
use super::state::Engine;
use crate::clock::monotonic_ns;
use crate::protocol::{Failure, State};
use crate::target;

/// Looking reads a link of every process on the host.
const LOOK: Duration = Duration::from_secs(1);

/// Who else was in the target's namespaces at the last look.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    known: BTreeSet<i32>,
    due_ns: u64,
}

impl Strangers {
    /// They are news at the next look, too.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}

impl Running {
    /// Whether somebody has come since the last look.
    pub(super) fn meets_strangers(&mut self) -> bool {
        let now_ns = monotonic_ns();
        if now_ns < self.strangers.due_ns {
            return false;
        }
        let found = target::strangers(&self.spec.target, &self.plan);
        let is_news = !found.is_subset(&self.strangers.known);
        self.strangers = Strangers {
            known: found,
            due_ns: now_ns + nanos(LOOK),
        };
        is_news
    }
}

impl Engine {
    /// Leaves strangers alone who have joined targets that do not come back; about others see `follow`.
    pub(super) fn leave_strangers_alone(&mut self) {
        let joined = self.faults.values_mut().filter_map(|running| {
            let stays = running.state == State::Active && !running.spec.target.is_restartable();
            (stays && running.meets_strangers()).then(|| running.id.clone())
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
