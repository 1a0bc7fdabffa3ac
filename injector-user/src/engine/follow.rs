//! Targets that go and come back: containers and units that are restarted, processes that match later.
//!
//! A look is cheap; only when something has changed is the host read and planned for again. What was
//! chosen stays chosen. The fault is the same one: its counters, dice and deadline go on.

use std::time::Duration;

use injector_core::fault::Action;
use injector_core::plan::{Plan, plan_again};

use super::house::nanos;
use super::running::{Effect, Running};
use super::state::{Engine, failed};
use crate::clock::monotonic_ns;
use crate::loader::Arming;
use crate::protocol::{Failure, State};
use crate::target::{self, Identity};

/// How long a target may be away: a restart has a gap.
const GRACE: Duration = Duration::from_secs(2);
/// How long after a change the host is read on every look: interfaces come after processes.
const SETTLING: Duration = Duration::from_secs(2);

/// What is known of a target that may go and come back.
#[derive(Debug, Default)]
pub(super) struct Following {
    identity: Identity,
    /// Monotonic; until then every look is a close one.
    settled_ns: u64,
    gone_since_ns: Option<u64>,
    /// How often the fault has moved.
    pub(super) moves: u64,
    /// Why it could not move, the last time.
    pub(super) trouble: Option<String>,
}

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    There,
    /// For longer than a restart takes.
    Gone,
}

impl Following {
    pub(super) fn begin(now_ns: u64) -> Self {
        Self {
            settled_ns: now_ns + nanos(SETTLING),
            ..Self::default()
        }
    }

    /// For people, if there is anything to say.
    pub(super) fn warnings(&self) -> Vec<String> {
        let moved = match self.moves {
            0 => None,
            1 => Some("the target has changed once, and was followed".to_owned()),
            many => Some(format!(
                "the target has changed {many} times, and was followed"
            )),
        };
        let trouble = self.trouble.as_ref();
        let trouble =
            trouble.map(|why| format!("the target has changed and could not be followed: {why}"));
        moved.into_iter().chain(trouble).collect()
    }
}

impl Engine {
    /// Looks after the target of one fault and moves the fault to where it is now.
    pub(super) fn follow(&mut self, id: &str) -> Sight {
        let Some(mut running) = self.faults.remove(id) else {
            return Sight::There;
        };
        let sight = self.look_at(&mut running);
        self.faults.insert(id.to_owned(), running);
        sight
    }

    fn look_at(&mut self, running: &mut Running) -> Sight {
        let now_ns = monotonic_ns();
        let choice = running.spec.common.effective_choice();
        let identity = target::identity(&running.spec.target, &choice, &running.plan);
        let gone = identity.is_gone();
        let following = &mut running.following;
        if following.identity != identity {
            following.identity = identity;
            following.settled_ns = now_ns + nanos(SETTLING);
        }
        if !gone && now_ns >= following.settled_ns {
            following.gone_since_ns = None;
            return Sight::There;
        }
        match self.plan_anew(running) {
            Ok(Some(plan)) => {
                running.following.gone_since_ns = None;
                running.following.trouble = self.move_to(running, plan).err().map(said);
                if running.following.trouble.is_some() {
                    running.following.settled_ns = now_ns + nanos(SETTLING);
                }
                return Sight::There;
            }
            Ok(None) => running.following.trouble = None,
            Err(failure) => running.following.trouble = Some(said(failure)),
        }
        let since_ns = *running.following.gone_since_ns.get_or_insert(now_ns);
        if now_ns.saturating_sub(since_ns) >= nanos(GRACE) {
            Sight::Gone
        } else {
            Sight::There
        }
    }

    fn plan_anew(&mut self, running: &Running) -> Result<Option<Plan>, Failure> {
        let Some(chosen) = &running.plan.chosen else {
            return Ok(None);
        };
        // This fault is out of the list of what is armed meanwhile: it does not conflict with itself.
        let inventory = self.inventory(None, &running.spec)?;
        plan_again(&inventory, &running.spec, chosen)
            .map_err(|refusal| super::arm::refusal(refusal, &running.spec))
    }

    fn move_to(&mut self, running: &mut Running, plan: Plan) -> Result<(), Failure> {
        let same = running.plan.hooks == plan.hooks && running.plan.select == plan.select;
        if same && running.following.trouble.is_none() {
            running.plan = plan;
            return Ok(());
        }
        let permit = self.permit(&plan)?;
        match &mut running.effect {
            Effect::Kernel(armed) => {
                let ssh = running.ssh_connection.as_deref();
                let exempt = self.exempt(&running.spec, &plan, ssh)?;
                let arming = Arming {
                    plan: &plan,
                    spec: &running.spec,
                    seed: running.seed,
                    exempt: &exempt,
                };
                let acts = running.state == State::Active;
                self.kernel
                    .refit(armed, &arming, acts, &permit)
                    .map_err(|error| failed(&error))?;
                let late = target::with_descendants(&plan.select.thread_groups);
                self.kernel
                    .mark(armed, &late)
                    .map_err(|error| failed(&error))?;
            }
            Effect::Freeze(_) => self.freeze_anew(running, &plan)?,
        }
        if let (Action::NetDelay(_), Some(feeling)) = (&running.spec.action, &mut running.feeling) {
            feeling.follow(&plan);
        }
        running.following.moves += u64::from(!same);
        running.plan = plan;
        Ok(())
    }
}

fn said(failure: Failure) -> String {
    let problems = failure.problems.into_iter();
    let messages: Vec<String> = problems.map(|problem| problem.message).collect();
    messages.join("; ")
}
