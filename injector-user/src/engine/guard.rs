//! Protected processes, told to the kernel: its programs leave their calls alone, whatever cgroup they
//! enter later.
//!
//! Who is protected on the whole host is found out when a fault of calls is armed, and of those who come
//! to a target later at the next look: one that was not there before and enters a target's cgroup may
//! suffer for as long as that takes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use injector_core::fault::Kind;
use injector_core::plan::{Hierarchy, Hook, Plan};

use super::house::nanos;
use super::running::{Effect, Running};
use super::state::{Engine, failed};
use crate::clock::monotonic_ns;
use crate::loader::Kernel;
use crate::protocol::Failure;
use crate::safety::Guarded;
use crate::target;

/// How often it is made sure that they are still the same.
const ANEW: Duration = Duration::from_secs(1);

/// Who has been told.
#[derive(Debug, Default)]
pub(super) struct Guard {
    told: BTreeMap<i32, Guarded>,
    /// In targets, and found not to be protected.
    others: BTreeSet<i32>,
    anew_ns: u64,
    /// When the whole host was looked at.
    listed_ns: u64,
}

impl Engine {
    /// Protects everybody who is, before a fault of calls is armed.
    pub(super) fn guard_everybody(&mut self, plan: &Plan) -> Result<(), Failure> {
        let now_ns = monotonic_ns();
        if !is_of_calls(plan.kind) || now_ns < self.guard.listed_ns + nanos(ANEW) {
            return Ok(());
        }
        self.guard.listed_ns = now_ns;
        let all = target::every_process().map_err(|error| failed(&error))?;
        self.guard_among(all)
    }

    /// Protects those who have come to targets since, and forgets who has gone.
    pub(super) fn guard_newcomers(&mut self) {
        let of_calls = |running: &&Running| {
            is_of_calls(running.plan.kind) && matches!(running.effect, Effect::Kernel(_))
        };
        let plans: Vec<&Plan> = self
            .faults
            .values()
            .filter(of_calls)
            .map(|running| &running.plan)
            .collect();
        if plans.is_empty() {
            self.release(|_| true);
            return;
        }
        let mut members: BTreeSet<i32> = plans.into_iter().flat_map(members).collect();
        members.extend(self.kernel.thread_groups());
        let now_ns = monotonic_ns();
        if now_ns >= self.guard.anew_ns {
            self.guard.anew_ns = now_ns + nanos(ANEW);
            self.release(|guarded| !guarded.is_the_same());
            self.guard.others.clear();
        }
        let Guard { told, others, .. } = &self.guard;
        let new = |pid: &i32| !told.contains_key(pid) && !others.contains(pid);
        let new: Vec<i32> = members.iter().copied().filter(new).collect();
        self.guard.others.extend(&new);
        if let Err(failure) = self.guard_among(new) {
            let why = failure.problems.into_iter().map(|problem| problem.message);
            let why = why.collect::<Vec<_>>().join("; ");
            super::start::tell(&format!("protecting processes failed: {why}"));
        }
        self.warn_of_guarded();
    }

    /// Puts probes into processes that have become targets since.
    pub(super) fn reach_newcomers(&mut self) {
        let at_instructions = |running: &Running| {
            let mut hooks = running.plan.hooks.iter();
            hooks.any(|hook| matches!(hook, Hook::Instructions { .. }))
        };
        let probed = self.faults.values().filter(|one| at_instructions(one));
        for running in probed {
            let mut all = targets(&self.kernel, running);
            all.retain(|pid| !self.guard.told.contains_key(pid));
            if let Effect::Kernel(armed) = &running.effect {
                self.kernel.reach(armed, &all);
            }
        }
    }

    fn guard_among(&mut self, pids: Vec<i32>) -> Result<(), Failure> {
        for guarded in self.protection.among(pids) {
            let pid = guarded.pid;
            self.kernel.protect(pid).map_err(|error| failed(&error))?;
            self.guard.others.remove(&pid);
            self.guard.told.insert(pid, guarded);
        }
        Ok(())
    }

    fn release(&mut self, is_over: impl Fn(&Guarded) -> bool) {
        let gone = self
            .guard
            .told
            .extract_if(.., |_pid, guarded| is_over(guarded));
        for (pid, _guarded) in gone {
            self.kernel.protect_no_more(pid);
        }
    }

    /// Says of which faults somebody is left alone.
    fn warn_of_guarded(&mut self) {
        let told = &self.guard.told;
        for running in self.faults.values_mut() {
            if !is_of_calls(running.plan.kind) {
                continue;
            }
            let found = members(&running.plan)
                .into_iter()
                .find(|pid| told.contains_key(pid));
            running.warn(found.map(|pid| {
                format!("process {pid} has entered the target and is protected: it is left alone")
            }));
        }
    }
}

/// Everybody whom a fault of calls is about now.
fn targets(kernel: &Kernel, running: &Running) -> BTreeSet<i32> {
    match &running.effect {
        Effect::Kernel(armed) if !running.plan.select.thread_groups.is_empty() => {
            kernel.thread_groups_of(armed)
        }
        _whole_cgroups => members(&running.plan),
    }
}

fn is_of_calls(kind: Kind) -> bool {
    kind == Kind::SockError || kind.is_of_calls()
}

/// Who is in the cgroups that are targets as a whole.
fn members(plan: &Plan) -> BTreeSet<i32> {
    if !plan.select.thread_groups.is_empty() {
        return BTreeSet::new();
    }
    let attached = plan.hooks.iter().filter_map(|hook| match hook {
        Hook::Cgroup { path, .. } => Some(path),
        _elsewhere => None,
    });
    let selected = plan.select.cgroup.as_ref().map(|cgroup| &cgroup.path);
    let paths: BTreeSet<&String> = attached.chain(selected).collect();
    let folders = paths
        .into_iter()
        .filter_map(|path| target::folder(&Hierarchy::V2, path));
    // One that is gone has no members.
    folders
        .filter_map(|folder| target::members(&folder).ok())
        .flatten()
        .collect()
}
