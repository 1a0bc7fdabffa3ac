//! Targets that go and come back: containers and units that are restarted, processes that match later.
//!
//! A look is cheap; only when something has changed is the host read and planned for again. What was
//! chosen stays chosen. The fault is the same one: its counters, dice and deadline go on.

use std::time::Duration;

use injector_core::fault::Action;
use injector_core::plan::{Cgroup, Hook, Inventory, Plan, Thing, plan_again};

use super::house::nanos;
use super::running::{Effect, Running};
use super::state::{Engine, failed};
use crate::clock::monotonic_ns;
use crate::loader::{Arming, open_namespace};
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
        let mut inventory = self.inventory(None, &running.spec)?;
        forget_own_freeze(&mut inventory, &running.plan);
        plan_again(&inventory, &running.spec, chosen)
            .map_err(|refusal| super::arm::refusal(refusal, &running.spec))
    }

    fn move_to(&mut self, running: &mut Running, mut plan: Plan) -> Result<(), Failure> {
        keep_handles(&running.plan, &mut plan);
        let same = running.plan.hooks == plan.hooks && running.plan.select == plan.select;
        let moved = running.plan.hooks != plan.hooks || things(&running.plan) != things(&plan);
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
                running.exempt = exempt;
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
        running.following.moves += u64::from(moved);
        running.plan = plan;
        Ok(())
    }
}

fn things(plan: &Plan) -> Option<&[Thing]> {
    plan.chosen.as_ref().map(|chosen| &*chosen.things)
}

/// A namespace that is still open under its old path keeps it, so that nothing is detached only
/// because another process is the oldest in it now. The number alone proves nothing: a new namespace
/// may have that of one that is gone.
fn keep_handles(before: &Plan, plan: &mut Plan) {
    for hook in &mut plan.hooks {
        let mut known = before.hooks.iter();
        let same = known.find(|old| is_same_place(old, hook) && is_still_open(old));
        if let Some(same) = same {
            *hook = same.clone();
        }
    }
}

fn is_same_place(one: &Hook, other: &Hook) -> bool {
    let place = |hook: &Hook| match hook {
        Hook::Tcx {
            netns_inode,
            ifindex,
            direction,
            ..
        } => Some((*netns_inode, *ifindex, *direction)),
        Hook::Cgroup { .. } | Hook::CgroupSkbIngress { .. } | Hook::Freezer { .. } => None,
    };
    place(one).is_some() && place(one) == place(other)
}

fn is_still_open(hook: &Hook) -> bool {
    match hook {
        Hook::Tcx {
            netns, netns_inode, ..
        } => open_namespace(netns, *netns_inode).is_ok(),
        Hook::Cgroup { .. } | Hook::CgroupSkbIngress { .. } | Hook::Freezer { .. } => false,
    }
}

/// What this fault has frozen itself is no reason against freezing it.
fn forget_own_freeze(inventory: &mut Inventory, plan: &Plan) {
    for hook in &plan.hooks {
        let Hook::Freezer {
            hierarchy, path, ..
        } = hook
        else {
            continue;
        };
        let below = |cgroup: &Cgroup| {
            let rest = cgroup.path.strip_prefix(path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut all = inventory.cgroups.iter_mut();
        while let Some(cgroup) = all.find(|cgroup| cgroup.hierarchy == *hierarchy && below(cgroup))
        {
            cgroup.frozen = false;
        }
    }
}

fn said(failure: Failure) -> String {
    let problems = failure.problems.into_iter();
    let messages: Vec<String> = problems.map(|problem| problem.message).collect();
    messages.join("; ")
}
