//! What the engine does by itself: leases, deadlines, and looking after targets.

use std::time::Duration;

use injector_core::plan::{Hook, Plan};
use injector_core::target::Selector;

use super::felt::together;
use super::follow::Sight;
use super::rehearse::GRACE;
use super::running::{Effect, Running};
use super::state::Engine;
use crate::clock::monotonic_ns;
use crate::loader::{Kernel, KernelError};
use crate::protocol::{Ended, State};
use crate::target::{self, Mounts};

/// How long faults act without this loop running.
pub(super) const LEASE: Duration = Duration::from_secs(2);
/// How often the lease is moved.
const RENEWAL: Duration = Duration::from_millis(500);
/// How often targets are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How often this loop runs while something is armed.
const TICK: Duration = Duration::from_millis(50);
/// How often it runs while somebody follows: the buffer of events holds some thousands.
const FOLLOWED: Duration = Duration::from_millis(10);
/// How often it runs otherwise.
const REST: Duration = Duration::from_secs(1);

impl Engine {
    /// Does what is due and says how long nothing will be.
    pub(super) fn tick(&mut self) -> Duration {
        let now_ns = monotonic_ns();
        if self.faults.is_empty() {
            self.keeper.rest();
        } else {
            self.busy_ns = now_ns;
            self.keep_lease(now_ns);
        }
        if self.clients.count() > 0 {
            self.busy_ns = now_ns;
        }
        self.drain_events();
        self.activate_due(now_ns);
        self.end_due(now_ns);
        if now_ns >= self.looked_ns + nanos(LOOK) {
            self.looked_ns = now_ns;
            self.look();
        }
        self.next_wake(monotonic_ns())
    }

    fn keep_lease(&mut self, now_ns: u64) {
        if self.lease_until_ns < now_ns + nanos(LEASE) - nanos(RENEWAL) {
            self.renew_lease(now_ns);
        }
    }

    /// Moves the lease of the kernel programs and the one that the keeper watches.
    pub(super) fn renew_lease(&mut self, now_ns: u64) {
        self.lease_until_ns = now_ns + nanos(LEASE);
        self.kernel.renew_lease(self.lease_until_ns);
        self.pacemaker.beat(self.lease_until_ns);
        self.keeper.beat(LEASE);
    }

    /// Whether there is neither a client, nor a fault, nor a command whose cgroup is ours to remove.
    pub(super) fn is_idle(&self) -> bool {
        self.faults.is_empty() && self.clients.count() == 0 && !self.commands.any()
    }

    /// How long nobody has needed this engine.
    pub(super) fn idle_for(&self) -> Duration {
        Duration::from_nanos(monotonic_ns().saturating_sub(self.busy_ns))
    }

    fn end_due(&mut self, now_ns: u64) {
        let kernel = &self.kernel;
        let due: Vec<(String, Ended)> = self
            .faults
            .values_mut()
            .filter_map(|running| {
                let how = due(kernel, running, now_ns)?;
                Some((running.id.clone(), how))
            })
            .collect();
        for (id, how) in due {
            self.end_all(&[id], how);
        }
    }

    /// Looks after targets: what they feel, who has come, who has gone.
    fn look(&mut self) {
        self.kernel.forget(|pid| !target::is_thread_group(pid));
        let followed = self.kernel.follow_sockets().err();
        let together = together(&self.faults);
        let mut gone = Vec::new();
        for running in self
            .faults
            .values_mut()
            .filter(|running| running.state == State::Active)
        {
            if let Some(feeling) = &mut running.feeling
                && !running.rehearsing
            {
                feeling.during(!together.contains(&running.id));
            }
            if let Effect::Pressure(pressures) = &mut running.effect {
                pressures.look();
            }
            cover(&mut self.kernel, running, followed.as_ref());
            if target::is_gone(&running.spec.target, &running.plan) {
                gone.push(running.id.clone());
            }
        }
        self.guard_newcomers();
        self.reach_newcomers();
        self.leave_strangers_alone();
        gone.extend(self.follow_all());
        for id in gone {
            self.end_all(&[id], Ended::TargetGone);
        }
        self.commands.sweep();
        // A verifier may take a second for one program (7.2, beside who wants all processors): not while a
        // fault acts, whose lease would run out.
        if self.faults.is_empty()
            && let Err(error) = self.kernel.prepare()
        {
            super::start::tell(&format!("preparing the next fault failed: {error}"));
        }
    }

    /// Follows targets that may come back; gives the faults whose targets stay away.
    fn follow_all(&mut self) -> Vec<String> {
        let restartable = self.faults.values().filter(|running| {
            running.state == State::Active && running.spec.target.is_restartable()
        });
        let ids: Vec<String> = restartable.map(|running| running.id.clone()).collect();
        let mounts = if ids.is_empty() {
            None
        } else {
            Mounts::read().ok()
        };
        let Some(mounts) = mounts else {
            return Vec::new();
        };
        let gone = |id: &String| {
            // Many that are restarted at once take their time.
            self.keep_lease(monotonic_ns());
            self.follow(id, &mounts) == Sight::Gone
        };
        ids.into_iter().filter(gone).collect()
    }

    fn next_wake(&self, now_ns: u64) -> Duration {
        let rest = if self.faults.is_empty() {
            REST
        } else if self.is_followed() {
            FOLLOWED
        } else {
            TICK
        };
        let next = self.faults.values().map(|running| match running.state {
            State::Pending => running.active_from_ns,
            _ => running.window.deadline_ns,
        });
        let next = next.min().map_or(rest, |next_ns| {
            Duration::from_nanos(next_ns.saturating_sub(now_ns))
        });
        next.clamp(Duration::from_millis(1), rest)
    }
}

fn due(kernel: &Kernel, running: &mut Running, now_ns: u64) -> Option<Ended> {
    if running.rehearsing {
        let waits = running.window.deadline_ns.saturating_add(nanos(GRACE));
        return (now_ns >= waits).then_some(Ended::Deadline);
    }
    if now_ns >= running.window.deadline_ns {
        return Some(Ended::Deadline);
    }
    let over = match &mut running.effect {
        Effect::Pulses(trains) => {
            trains.collect(running.spec.target.is_restartable());
            trains.has_ended()
        }
        Effect::Signals(signals) => signals.has_ended(),
        Effect::Pressure(pressures) => {
            let ended = pressures.has_ended(running.spec.target.is_restartable());
            if ended && monotonic_ns() >= running.window.deadline_ns {
                // They know it, too, and were a moment faster.
                return Some(Ended::Deadline);
            }
            ended
        }
        Effect::Calls(calls) => {
            let limit = running.spec.common.max_hits?;
            // The last callers are still to sleep as long as was asked.
            calls.progress().counters.injected >= limit && !calls.holds_anybody()
        }
        Effect::Kernel(armed) => {
            let limit = running.spec.common.max_hits?;
            let spent = kernel.progress(armed).ok()?.granted >= limit;
            // The last packets are still to be late.
            spent && Kernel::is_done_with(armed, *running.spent_ns.get_or_insert(now_ns))
        }
    };
    over.then_some(Ended::Finished)
}

/// Has the programs see who has joined the target, and says whom they cannot tell from it.
fn cover(kernel: &mut Kernel, running: &mut Running, unfollowed: Option<&KernelError>) {
    let Effect::Kernel(armed) = &running.effect else {
        return;
    };
    let marked = kernel.mark(armed, &newcomers(running));
    let shared = kernel.shares_sockets(armed).map(shared_with);
    if let Err(error) = marked {
        let said = format!("new processes could not be covered: {error}");
        running.warnings.push(said);
    }
    running.warn(shared);
    let unfollowed = unfollowed.filter(|_| told_by_sockets(&running.plan));
    running.warn(
        unfollowed.map(|error| format!("the sockets of the target could not be followed: {error}")),
    );
}

/// Processes that have moved into a cgroup of version 1 since: the kernel programs know processes
/// there by number only.
fn newcomers(running: &Running) -> Vec<i32> {
    let by_number = !running.plan.select.thread_groups.is_empty();
    match &running.spec.target {
        Selector::Cgroup(path) if by_number => target::members_anywhere(path),
        Selector::Container(_) | Selector::Unit(_) if by_number => {
            let things = running.plan.chosen.iter().flat_map(|chosen| &chosen.things);
            let paths = things.flat_map(|thing| &thing.cgroups);
            paths
                .flat_map(|path| target::members_anywhere(path))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn told_by_sockets(plan: &Plan) -> bool {
    let marks = |hook: &Hook| matches!(hook, Hook::Sockets { .. });
    plan.hooks.iter().any(marks)
}

fn shared_with(pid: i32) -> String {
    format!(
        "what the target shares with others, such as a socket with process {pid}, is left alone"
    )
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
