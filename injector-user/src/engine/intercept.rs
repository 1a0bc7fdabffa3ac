//! System calls of a command that are answered by a thread of ours: with the engine's plan, dice and log.

use injector_abi::draw;
use injector_abi::syscall::{OUTCOME_STREAM, OUTCOMES, Outcome, REQUESTED};
use injector_core::fault::process::Signal;
use injector_core::fault::syscall::{self, Failing, Syscall};
use injector_core::plan::{Hook, Mechanism, Plan};
use injector_core::proof::Rate;
use injector_core::units::Probability;

use super::dice::{Dice, Verdict};
use super::running::{Client, Effect, Order};
use super::state::{Engine, failed, refused, unknown};
use crate::interception::{
    Answering, Call, Case, Choice, Choose, Concern, Interception, Progress, partly, take,
};
use crate::latency::Naps;
use crate::loader::{outcomes, share};
use crate::protocol::{Failure, FaultReport, Suffered};
use crate::safety::undo::Cause;
use crate::sys::seccomp::Answer;
use crate::target;

/// Whether calls are answered, and not replaced in the kernel.
pub(super) fn is_intercepted(plan: &Plan) -> bool {
    plan.mechanism == Mechanism::Seccomp
}

/// What becomes of the calls of a planned fault.
pub(super) fn case(order: &Order, failing: &Failing) -> Result<Case, Failure> {
    let select = &order.plan.select;
    let log = order.log.clone();
    Ok(Case {
        concern: Concern::of(failing, &select.syscalls, select.files.as_ref()),
        choose: choice(order, failing)?,
        signal: signal(failing),
        told: Box::new(move |stream, hit| {
            if let Some(log) = &log {
                log.tell(stream, hit);
            }
        }),
    })
}

/// What the caller is sent besides.
fn signal(failing: &Failing) -> Option<Signal> {
    match &failing.outcome {
        syscall::Outcome::Crashes(crash) => Some(crash.signal),
        _nothing_is_sent => None,
    }
}

fn choice(order: &Order, failing: &Failing) -> Result<Choose, Failure> {
    let mut dice = Dice::new(&order.spec, order.seed);
    let (seed, rehearses) = (order.seed, order.rehearsal.is_some());
    let outcomes = outcomes(&failing.outcome);
    let share = share(&failing.outcome);
    let mut naps = Naps::of(&failing.outcome, seed).map_err(|error| failed(&error))?;
    Ok(Box::new(move |stream, hit, call| {
        match dice.throw(stream, hit) {
            Verdict::Inject if rehearses => Choice::Rehearse,
            Verdict::Inject if let Some(naps) = &mut naps => Choice::Delay(naps.next_ns()),
            // One that cannot be made in part is made in whole.
            Verdict::Inject if share != 0 => partly(call, share)
                .map_or(Choice::Pass, |moved| Choice::Inject(Answer::Return(moved))),
            Verdict::Inject => Choice::Inject(Answer::Return(result(&outcomes, seed, hit, call))),
            Verdict::Pass => Choice::Pass,
            Verdict::Outside => Choice::Outside,
            Verdict::Expired => Choice::Expired,
        }
    }))
}

/// What the fault draws for a call, as the kernel programs do.
fn result(outcomes: &[Outcome; OUTCOMES], seed: u64, hit: u64, call: &Call) -> i64 {
    let number = draw(seed, OUTCOME_STREAM, hit) >> 32;
    let drawn = outcomes.iter().find(|outcome| number < outcome.until);
    match drawn.map_or(0, |outcome| outcome.value) {
        REQUESTED => {
            let asked = Syscall::from_number(call.number).and_then(Syscall::requested);
            asked.map_or(0, |amount| call.amount(amount).cast_signed())
        }
        value if value < 0 => call.failed().unwrap_or(value),
        value => value,
    }
}

impl Engine {
    /// Takes over the listener of a command that waits for it, and lets it go on.
    pub(super) fn intercept(
        &mut self,
        client: Client,
        caller: i32,
        fault: &str,
        (pid, number): (i32, i32),
    ) -> Result<(), Failure> {
        if target::parent_of(pid) != Some(caller) {
            return Err(refused(
                format!("process {pid} is not a child of the caller"),
                Some("only a process that the client itself has started is listened to"),
            ));
        }
        let running = self.faults.get(fault).ok_or_else(|| unknown(fault))?;
        let (Effect::Calls(interception), true) = (&running.effect, running.client == Some(client))
        else {
            return Err(refused(
                format!("{fault} does not answer calls of this connection's command"),
                Some("arm it over the same connection, with `backend` seccomp"),
            ));
        };
        let cgroup = running.plan.hooks.iter().find_map(folder_of);
        let cgroup = cgroup.ok_or_else(|| unknown(fault))?;
        if !target::members(&cgroup).is_ok_and(|members| members.contains(&pid)) {
            return Err(refused(
                format!("process {pid} is not in the command's cgroup"),
                Some("let it enter first"),
            ));
        }
        let cause = Cause {
            fault: Some(running.id.clone()),
            owner: running.spec.common.owner.clone(),
        };
        let interception = interception.clone();
        let permit = self.permit(&running.plan)?;
        let listener = take(pid, number).map_err(|error| failed(&error))?;
        let answering = Answering::begin(
            &permit,
            &self.keeper,
            &self.log,
            cause,
            (listener, cgroup),
            interception,
        );
        self.commands
            .answer(answering.map_err(|error| failed(&error))?);
        Ok(())
    }
}

fn folder_of(hook: &Hook) -> Option<std::path::PathBuf> {
    match hook {
        Hook::Filter { path, .. } => target::folder(&injector_core::plan::Hierarchy::V2, path),
        _of_other_mechanisms => None,
    }
}

/// A fault whose calls are answered, from its beginning.
pub(super) fn begin(order: &Order) -> Result<Interception, Failure> {
    match order.spec.action.failing() {
        Some(failing) => Ok(Interception::new(case(order, &failing)?)),
        None => Err(refused(
            format!("{} has no system calls to answer", order.plan.kind),
            Some("this is a bug: please report it"),
        )),
    }
}

/// What was done to calls so far.
pub(super) fn add_calls(report: &mut FaultReport, progress: Progress, asked: Probability) {
    let Progress {
        counters,
        suffered,
        examples,
    } = progress;
    report.counters = counters;
    report.rate = Rate::of(asked, &report.counters);
    report.examples = examples;
    let suffered = suffered.into_iter().map(|one| Suffered {
        who: format!("{} ({})", one.name, one.pid),
        stream: Some(one.stream),
        injected: one.injected,
    });
    report.suffered = suffered.collect();
}
