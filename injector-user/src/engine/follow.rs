//! Targets that go and come back: containers and units that are restarted, processes that match later.
//!
//! A look is cheap; only when something has changed is the host read and planned for again. What was
//! chosen stays chosen. The fault is the same one: its counters, dice and deadline go on.

use std::collections::BTreeMap;
use std::time::Duration;

use injector_core::fault::{Action, FaultSpec};
use injector_core::plan::{Cgroup, Chosen, Hook, Inventory, Plan, Thing, plan_again};
use injector_core::target::Selector;

use super::house::nanos;
use super::running::{Effect, Running};
use super::state::{Engine, failed};
use crate::clock::monotonic_ns;
use crate::loader::{Arming, open_namespace};
use crate::protocol::{Failure, State};
use crate::safety::Permit;
use crate::signals::Targets;
use crate::target::{self, Identity, Mounts};

/// How long a target may be away: a restart has a gap.
const GRACE: Duration = Duration::from_secs(5);
/// How long after a change the host is read on every look: interfaces come after processes.
const SETTLING: Duration = Duration::from_secs(2);

/// How often something is looked for of which only a part is gone.
const SEARCH: Duration = Duration::from_secs(1);

/// What is known of a target that may go and come back.
#[derive(Debug, Default)]
pub(super) struct Following {
    identity: Identity,
    /// Monotonic; until then every look is a close one.
    settled_ns: u64,
    searched_ns: u64,
    gone_since_ns: Option<u64>,
    /// How often the fault has moved.
    moves: u64,
    /// Why it could not move, the last time.
    trouble: Option<String>,
}

/// What came of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    There,
    /// For longer than a restart takes.
    Gone,
}

impl Following {
    /// To be called when it is planned and not yet armed: what changes in between is seen later.
    pub(super) fn begin(spec: &FaultSpec, plan: &Plan) -> Self {
        let mounts = plan.chosen.as_ref().and_then(|_| Mounts::read().ok());
        let choice = spec.common.effective_choice();
        let look = |mounts: Mounts| target::identity(&spec.target, &choice, plan, &mounts);
        Self {
            identity: mounts.map(look).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Whether the host has to be read.
    fn is_close(&mut self, identity: Identity, lacks_some: bool) -> bool {
        let now_ns = monotonic_ns();
        let gone = identity.is_gone();
        if self.identity != identity {
            self.identity = identity;
            self.settled_ns = now_ns + nanos(SETTLING);
        }
        let search = lacks_some && now_ns >= self.searched_ns + nanos(SEARCH);
        if search {
            self.searched_ns = now_ns;
        }
        gone || search || now_ns < self.settled_ns
    }

    fn is_gone_for_long(&mut self) -> bool {
        let now_ns = monotonic_ns();
        let since_ns = *self.gone_since_ns.get_or_insert(now_ns);
        now_ns.saturating_sub(since_ns) >= nanos(GRACE)
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

impl Running {
    /// Where it has not succeeded, the next look is a close one.
    pub(super) fn note_move(&mut self, moved: Result<(), Failure>) {
        self.following.trouble = moved.err().map(said);
        if self.following.trouble.is_some() {
            self.following.settled_ns = monotonic_ns() + nanos(SETTLING);
            // They are news at the next look, too.
            self.strangers.clear();
        }
    }
}

impl Engine {
    /// Looks after the target of one fault and moves the fault to where it is now.
    pub(super) fn follow(&mut self, id: &str, mounts: &Mounts) -> Sight {
        let Some(mut running) = self.faults.remove(id) else {
            return Sight::There;
        };
        let sight = self.look_at(&mut running, mounts);
        self.faults.insert(id.to_owned(), running);
        sight
    }

    fn look_at(&mut self, running: &mut Running, mounts: &Mounts) -> Sight {
        let joined = self.strangers.have_joined(running);
        let choice = running.spec.common.effective_choice();
        let identity = target::identity(&running.spec.target, &choice, &running.plan, mounts);
        let chosen = running.plan.chosen.as_ref();
        let lacks_some = chosen.is_some_and(|chosen| identity.lacks_some(chosen));
        let following = &mut running.following;
        if !following.is_close(identity, lacks_some) && !joined {
            following.gone_since_ns = None;
            return Sight::There;
        }
        let unfound = running.following.gone_since_ns.is_some();
        match self.plan_anew(running, lacks_some || unfound) {
            Ok(Some(plan)) => {
                running.following.gone_since_ns = None;
                let moved = self.move_to(running, plan);
                running.note_move(moved);
                return Sight::There;
            }
            Ok(None) => running.following.trouble = None,
            Err(failure) => running.following.trouble = Some(said(failure)),
        }
        // Whatever is there now, it is not what was chosen: the next look is close too.
        running.following.settled_ns = monotonic_ns() + nanos(SETTLING);
        if running.following.is_gone_for_long() {
            Sight::Gone
        } else {
            Sight::There
        }
    }

    fn plan_anew(&mut self, running: &Running, missing: bool) -> Result<Option<Plan>, Failure> {
        let Some(chosen) = &running.plan.chosen else {
            return Ok(None);
        };
        if missing && matches!(running.spec.target, Selector::Container(_)) {
            self.called.ask();
        }
        // This fault is out of the list of what is armed meanwhile: it does not conflict with itself.
        let mut inventory = self.gather(None, &running.spec)?;
        forget_own_freeze(&mut inventory, &running.plan);
        forget_own_settings(&mut inventory, &running.plan);
        let plan = plan_again(&inventory, &running.spec, chosen)
            .map_err(|refusal| super::arm::refusal(refusal, &running.spec))?;
        Ok(plan.map(|plan| remembering(chosen, plan)))
    }

    pub(super) fn move_to(&mut self, running: &mut Running, mut plan: Plan) -> Result<(), Failure> {
        keep_handles(&running.plan, &mut plan);
        let same = running.plan.hooks == plan.hooks && running.plan.select == plan.select;
        let moved = running.plan.hooks != plan.hooks || things(&running.plan) != things(&plan);
        let stands = match &running.effect {
            Effect::Pressure(pressures) => plan.hooks.iter().all(|hook| pressures.is_at(hook)),
            Effect::Pulses(trains) => plan.hooks.iter().all(|hook| trains.is_at(hook)),
            Effect::Kernel(_) | Effect::Signals(_) | Effect::Calls(_) => true,
        };
        if same && stands && running.following.trouble.is_none() {
            running.plan = plan;
            return Ok(());
        }
        let permit = self.permit(&plan)?;
        match &mut running.effect {
            Effect::Kernel(_armed) => self.refit(running, &plan, &permit)?,
            Effect::Pressure(_) => self.press_anew(running, &plan, &permit)?,
            Effect::Pulses(_) => self.pulse_anew(running, &plan)?,
            Effect::Signals(signals) => signals.follow(Targets::of(&plan)),
            // A command is never another one.
            Effect::Calls(_) => {}
        }
        if let (Action::NetDelay(_), Some(feeling)) = (&running.spec.action, &mut running.feeling) {
            feeling.follow(&plan);
        }
        running.following.moves += u64::from(moved);
        running.plan = plan;
        Ok(())
    }

    /// Has the programs act where the plan says.
    fn refit(
        &mut self,
        running: &mut Running,
        plan: &Plan,
        permit: &Permit,
    ) -> Result<(), Failure> {
        let ssh = running.ssh_connection.as_deref();
        let exempt = self.exempt(&running.spec, plan, ssh)?;
        let Effect::Kernel(armed) = &mut running.effect else {
            return Ok(());
        };
        let arming = Arming {
            plan,
            spec: &running.spec,
            seed: running.seed,
            exempt: &exempt,
            rehearsing: running.rehearsing,
            followed: running.log.is_some(),
        };
        let acts = running.state == State::Active;
        let moved = self.kernel.refit(armed, &arming, acts, permit);
        moved.map_err(|error| failed(&error))?;
        running.exempt = exempt;
        let late = target::with_descendants(&plan.select.thread_groups);
        let marked = self.kernel.mark(armed, &late);
        marked
            .and_then(|()| self.kernel.mark_sockets(armed))
            .map_err(|error| failed(&error))
    }
}

/// What was chosen and is away stays chosen: it may come back.
fn remembering(before: &Chosen, mut plan: Plan) -> Plan {
    if let Some(chosen) = &mut plan.chosen {
        let named = |thing: &&Thing| !thing.cgroups.is_empty();
        for thing in before.things.iter().filter(named) {
            if !chosen.things.iter().any(|one| one.name == thing.name) {
                chosen.things.push(thing.clone());
            }
        }
        chosen.things.sort();
    }
    plan
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
        _of_cgroups_and_processes => None,
    };
    place(one).is_some() && place(one) == place(other)
}

fn is_still_open(hook: &Hook) -> bool {
    match hook {
        Hook::Tcx {
            netns, netns_inode, ..
        } => open_namespace(netns, *netns_inode).is_ok(),
        _of_cgroups_and_processes => false,
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

/// Likewise what it has limited itself.
fn forget_own_settings(inventory: &mut Inventory, plan: &Plan) {
    for hook in &plan.hooks {
        let Hook::Setting {
            hierarchy,
            path,
            file,
            key,
            before,
            during,
            ..
        } = hook
        else {
            continue;
        };
        let mut all = inventory.settings.iter_mut();
        let own = all.find(|one| {
            let place = (&one.hierarchy, &one.path, &one.file);
            place == (hierarchy, path, file)
        });
        if let Some(own) = own {
            own.shown = without_own(&own.shown, key, during, before);
        }
    }
}

/// What a setting would show; of a row each word that is ours by itself.
fn without_own(shown: &str, key: &str, during: &str, before: &str) -> String {
    if key.is_empty() {
        let own = if shown == during { before } else { shown };
        return own.to_owned();
    }
    let pairs = during.split(' ').zip(before.split(' '));
    let pairs: BTreeMap<&str, &str> = pairs.collect();
    let row = |line: &str| match line.split_once(' ') {
        Some((first, words)) if first == key => {
            let words = words.split(' ');
            let words = words.map(|word| pairs.get(word).copied().unwrap_or(word));
            let words: Vec<&str> = words.collect();
            format!("{key} {}", words.join(" "))
        }
        _of_others => line.to_owned(),
    };
    shown.lines().map(row).collect::<Vec<_>>().join("\n")
}

fn said(failure: Failure) -> String {
    let problems = failure.problems.into_iter();
    let messages: Vec<String> = problems.map(|problem| problem.message).collect();
    messages.join("; ")
}

#[cfg(test)]
mod tests {
    use super::without_own;

    #[test]
    fn what_is_ours_is_forgotten_and_nothing_else() {
        let quota = |shown| without_own(shown, "", "20000 100000", "max 100000");
        assert_eq!(quota("20000 100000"), "max 100000");
        assert_eq!(quota("30000 100000"), "30000 100000");
        let disk = |shown| without_own(shown, "8:0", "wbps=5 riops=7", "wbps=max riops=9");
        let theirs = "18:0 rbps=max wbps=5 riops=7";
        assert_eq!(disk(theirs), theirs);
        assert_eq!(
            disk("18:0 wbps=5\n8:0 rbps=5 wbps=5 riops=8 wiops=max"),
            "18:0 wbps=5\n8:0 rbps=5 wbps=max riops=8 wiops=max"
        );
    }
}
