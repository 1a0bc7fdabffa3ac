//! Pressure: the crews of one fault, with the engine's plan, dice and log.

use std::time::Duration;

use injector_core::plan::{Hook, Place, Plan};
use injector_core::proof::{Counters, Rate};
use injector_core::units::Probability;
use nix::errno::Errno;

use super::dice::{Dice, Verdict};
use super::running::{Effect, Order, Running};
use super::state::{Engine, failed};
use crate::clock::monotonic_ns;
use crate::pressure::{Crew, CrewOrder, Custody, Ending, Progress};
use crate::protocol::{Ended, Failure, FaultReport, Measure, State, Suffered};
use crate::safety::Permit;
use crate::safety::undo::Cause;

/// How long crews may take to end that hold much memory, between two movements of the lease.
const SLICE: Duration = Duration::from_millis(50);
/// How long in all: a terabyte of memory is given back in a minute.
const PATIENCE: Duration = Duration::from_mins(1);

/// The crews of one fault, one for each cgroup that suffers.
#[derive(Debug)]
pub(super) struct Pressures {
    crews: Vec<(u64, Hook, Crew)>,
    dice: Dice,
    /// Of cgroups.
    counters: Counters,
    suffered: Vec<Suffered>,
    /// Of crews whose cgroup is gone, or who have ended by themselves.
    ended: Vec<(Hook, Ending)>,
    /// Streams so far.
    streams: u64,
    /// Somebody was in the cgroups, and has left.
    deserted: bool,
}

impl Engine {
    /// Starts a crew at each place of the plan that the dice choose. They begin when the fault does.
    pub(super) fn press(&self, order: &Order, permit: &Permit) -> Result<Effect, Failure> {
        let mut pressures = Pressures {
            crews: Vec::new(),
            dice: Dice::new(&order.spec, order.seed),
            counters: Counters::default(),
            suffered: Vec::new(),
            ended: Vec::new(),
            streams: 0,
            deserted: false,
        };
        for hook in &order.plan.hooks {
            // Those that were started before end with this value.
            self.press_at(order, hook, &mut pressures, permit)?;
        }
        Ok(Effect::Pressure(pressures))
    }

    fn press_at(
        &self,
        order: &Order,
        hook: &Hook,
        pressures: &mut Pressures,
        permit: &Permit,
    ) -> Result<(), Failure> {
        let Hook::Workers { place, task } = hook else {
            return Ok(());
        };
        let stream = pressures.streams;
        pressures.streams += 1;
        if !pressures.decide(stream, hook) {
            return Ok(());
        }
        if let Some(log) = &order.log {
            log.tell(stream, 1);
        }
        if order.rehearsal.is_some() {
            return Ok(());
        }
        let custody = Custody {
            keeper: &self.keeper,
            log: &self.log,
            pacemaker: &self.pacemaker,
        };
        let crew = CrewOrder {
            place: place.clone(),
            task: task.clone(),
            cause: Cause {
                fault: Some(order.id.clone()),
                owner: order.spec.common.owner.clone(),
            },
        };
        let crew = Crew::start(permit, &custody, crew).map_err(|error| failed(&error))?;
        pressures.crews.push((stream, hook.clone(), crew));
        Ok(())
    }

    /// Goes on where the target is now, for the time that is left.
    pub(super) fn press_anew(
        &self,
        running: &mut Running,
        plan: &Plan,
        permit: &Permit,
    ) -> Result<(), Failure> {
        let order = Order {
            rehearsal: running.rehearsing.then_some(Duration::ZERO),
            plan: plan.clone(),
            ..running.order()
        };
        let (acts, deadline_ns) = (running.state == State::Active, running.window.deadline_ns);
        let Effect::Pressure(pressures) = &mut running.effect else {
            return Ok(());
        };
        pressures.leave(&plan.hooks);
        for hook in &plan.hooks {
            if !pressures.is_at(hook) {
                self.press_at(&order, hook, pressures, permit)?;
            }
        }
        if acts {
            pressures.act(deadline_ns);
        }
        Ok(())
    }

    /// Ends the crews of a fault and says how. Moves the lease meanwhile.
    pub(super) fn relieve(
        &mut self,
        mut pressures: Pressures,
        how: Ended,
        asked: Probability,
        report: &mut FaultReport,
    ) {
        pressures.halt();
        let begun = monotonic_ns();
        let patience = u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
        while !pressures.await_end(SLICE) && monotonic_ns() < begun.saturating_add(patience) {
            self.renew_lease(monotonic_ns());
        }
        pressures.close_all();
        pressures.report(report, asked);
        let what = pressures.not_undone();
        report.state = if what.is_empty() {
            let how = pressures.how(how);
            State::Ended { how }
        } else {
            let what = what.join("; ");
            State::UndoIncomplete { what }
        };
    }

    /// The processes of all crews: they are nobody's target.
    pub(super) fn workers(&self) -> Vec<i32> {
        let effects = self.faults.values().map(|running| &running.effect);
        let pressures = effects.filter_map(|effect| match effect {
            Effect::Pressure(pressures) => Some(pressures),
            _without_workers => None,
        });
        let crews = pressures.flat_map(|pressures| &pressures.crews);
        crews.map(|(_stream, _hook, crew)| crew.pid()).collect()
    }
}

impl Pressures {
    /// Whether the cgroup of this stream suffers.
    fn decide(&mut self, stream: u64, hook: &Hook) -> bool {
        let counters = &mut self.counters;
        counters.matched += 1;
        match self.dice.throw(stream, 1) {
            Verdict::Inject => {
                counters.eligible += 1;
                counters.injected += 1;
                self.suffered.push(Suffered {
                    who: hook.to_string(),
                    stream: Some(stream),
                    injected: 1,
                });
                return true;
            }
            Verdict::Pass => {
                counters.eligible += 1;
                counters.passed += 1;
            }
            Verdict::Outside => counters.outside += 1,
            Verdict::Expired => counters.expired += 1,
        }
        false
    }

    /// Lets all of them begin.
    pub(super) fn act(&self, deadline_ns: u64) {
        for (_stream, _hook, crew) in &self.crews {
            crew.act(deadline_ns);
        }
    }

    /// Tells all of them to end, without waiting.
    pub(super) fn halt(&self) {
        for (_stream, _hook, crew) in &self.crews {
            crew.halt();
        }
    }

    fn await_end(&mut self, patience: Duration) -> bool {
        let mut crews = self.crews.iter_mut();
        crews.all(|(_stream, _hook, crew)| crew.await_end(patience))
    }

    /// Looks after the crews: ends those that only keep an empty cgroup from being removed.
    pub(super) fn look(&mut self) {
        for (_stream, _hook, crew) in &mut self.crews {
            if crew.is_left_alone() {
                self.deserted = true;
                crew.halt();
            }
        }
        self.collect();
    }

    /// Whether none of those that were started still works, and not because their target may come back.
    pub(super) fn has_ended(&mut self, may_come_back: bool) -> bool {
        self.collect();
        let none = self.crews.is_empty() && !self.ended.is_empty();
        none && !(may_come_back && self.deserted)
    }

    fn collect(&mut self) {
        let crews = std::mem::take(&mut self.crews);
        for (stream, hook, mut crew) in crews {
            if crew.has_ended() {
                // Whoever stops a container or a unit may end all that is in its cgroup.
                self.deserted |= crew.is_left_alone();
                self.ended.push((hook, crew.close()));
            } else {
                self.crews.push((stream, hook, crew));
            }
        }
    }

    fn close_all(&mut self) {
        for (_stream, hook, mut crew) in std::mem::take(&mut self.crews) {
            self.ended.push((hook, crew.close()));
        }
    }

    /// Ends those at places that are not among these.
    fn leave(&mut self, planned: &[Hook]) {
        let crews = std::mem::take(&mut self.crews).into_iter();
        let (stay, mut go): (Vec<_>, Vec<_>) =
            crews.partition(|(_stream, hook, _crew)| planned.iter().any(|other| same(hook, other)));
        self.crews = stay;
        for (_stream, hook, crew) in &mut go {
            crew.halt();
            crew.await_end(SLICE);
            self.ended.push((hook.clone(), crew.close()));
        }
    }

    pub(super) fn is_at(&self, hook: &Hook) -> bool {
        let mut crews = self.crews.iter();
        crews.any(|(_stream, at, _crew)| same(at, hook))
    }

    fn not_undone(&self) -> Vec<String> {
        let endings = self.ended.iter();
        endings
            .filter_map(|(_hook, ending)| ending.not_undone.clone())
            .collect()
    }

    fn how(&self, asked: Ended) -> Ended {
        match asked {
            Ended::Finished if self.deserted => Ended::TargetGone,
            asked => asked,
        }
    }

    /// What they have done so far.
    pub(super) fn report(&self, report: &mut FaultReport, asked: Probability) {
        report.counters = self.counters;
        report.rate = Rate::of(asked, &report.counters);
        report.suffered.clone_from(&self.suffered);
        let working = self.crews.iter();
        let working = working.map(|(_stream, hook, crew)| (hook, crew.progress()));
        let ended = self.ended.iter();
        let ended = ended.map(|(hook, ending)| (hook, ending.progress.clone()));
        let all: Vec<(&Hook, Progress)> = ended.chain(working).collect();
        let several = all.len() > 1;
        report.pressure.clear();
        for (hook, progress) in all {
            report.warnings.extend(troubles(&progress));
            let place = place(hook).filter(|_| several);
            report.pressure.extend(named(progress.measures, place));
        }
        for (_hook, ending) in &self.ended {
            report.warnings.extend(ending.early.map(|status| {
                format!(
                    "its workers ended before their time, with {status}: SIGKILL comes from whoever \
                     ended the target's cgroup, or from a kernel that is out of memory"
                )
            }));
        }
    }
}

fn place(hook: &Hook) -> Option<&Place> {
    match hook {
        Hook::Workers { place, .. } => place.as_ref(),
        _of_others => None,
    }
}

/// Whether both are at the same place, whatever is done there.
fn same(one: &Hook, other: &Hook) -> bool {
    place(one) == place(other)
}

/// The measures, said of a place where there are several.
fn named(measures: Vec<Measure>, place: Option<&Place>) -> Vec<Measure> {
    let name = |measure: Measure| match place {
        Some(place) => Measure {
            what: format!("{} in {}", measure.what, place.path),
            ..measure
        },
        None => measure,
    };
    measures.into_iter().map(name).collect()
}

/// What kept workers from doing all they were told.
fn troubles(progress: &Progress) -> Vec<String> {
    let errno = progress.trouble.map(|errno| {
        let errno = Errno::from_raw(errno);
        format!("workers could not do all that they were told: {errno}")
    });
    let given_back = progress.given_back;
    let given_back = (given_back > 0)
        .then(|| format!("{given_back} bytes were given back, since the host itself ran short"));
    errno.into_iter().chain(given_back).collect()
}
