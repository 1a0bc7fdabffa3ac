//! What a fault has done, as data.

use injector_core::plan::Hook;
use injector_core::proof::{Counters, Rate};
use injector_core::units::Probability;

use super::intercept::add_calls;
use super::running::{Effect, Running};
use super::state::Engine;
use super::stop::how_it_ended;
use crate::loader::{ArmedFault, Kernel};
use crate::protocol::{Asleep, Ended, FaultReport, State, Strained, Suffered};
use crate::pulses::{Ending, Progress, Reason};
use crate::signals;

impl Engine {
    /// The report of a fault that is armed.
    pub(super) fn report(&self, running: &Running) -> FaultReport {
        let mut report = unmeasured(running);
        match &running.effect {
            Effect::Kernel(armed) => match self.kernel.counters(armed) {
                Ok(counted) => {
                    report.counters = counters(counted);
                    report.window.injected_ns = self.kernel.first_injection(armed);
                    report.line = Kernel::lines(armed);
                    report.examples = self.kernel.examples(armed);
                    report.rate = rate(running, &counted, &report.counters);
                    report.asleep = self.asleep(running, armed);
                    report.missed = self.kernel.missed(armed);
                }
                Err(error) => report
                    .warnings
                    .push(format!("the counters could not be read: {error}")),
            },
            Effect::Pulses(trains) => add_pulses(&mut report, trains.progress()),
            Effect::Calls(calls) => {
                let asked = running.spec.common.probability;
                add_calls(&mut report, calls.progress(), asked);
            }
            Effect::Pressure(pressures) => {
                pressures.report(&mut report, running.spec.common.probability);
            }
            Effect::Signals(signals) => {
                let asked = running.spec.common.probability;
                add_signals(&mut report, &signals.progress(), asked);
            }
        }
        report
    }
}

impl Engine {
    /// How long callers slept, if they are to.
    fn asleep(&self, running: &Running, armed: &ArmedFault) -> Option<Asleep> {
        let asked = running.spec.action.failing()?.outcome.latency()?;
        let slept = self.kernel.slept(armed).ok()??;
        let slept_us = slept.ns / 1_000;
        Some(Asleep {
            callers: slept.calls,
            slept_us: slept_us.checked_div(slept.calls).unwrap_or_default(),
            asked_us: u64::try_from(asked.as_micros()).unwrap_or(u64::MAX),
            awake: slept.awake,
        })
    }
}

/// What is known of a fault without asking what it did.
fn unmeasured(running: &Running) -> FaultReport {
    FaultReport {
        fault: running.id.clone(),
        name: running.name.clone(),
        kind: running.plan.kind,
        owner: running.spec.common.owner.clone(),
        params: running.spec.to_params(),
        seed: running.seed,
        plan: running.plan.clone(),
        state: running.state.clone(),
        window: running.window,
        counters: Counters::default(),
        rate: None,
        felt: running
            .feeling
            .as_ref()
            .filter(|_| !running.rehearsing)
            .map(super::felt::Feeling::report),
        asleep: None,
        missed: 0,
        line: None,
        pulses: None,
        strain: None,
        rounds: None,
        pressure: Vec::new(),
        suffered: Vec::new(),
        connections_reset: running.connections_reset,
        examples: Vec::new(),
        rehearsal: running.rehearsing,
        events_lost: None,
        warnings: [running.warnings.clone(), running.following.warnings()].concat(),
    }
}

/// Completes the report of pulses with how they ended.
pub(super) fn ending_report(report: &mut FaultReport, ending: &Ending, asked: Ended) {
    add_pulses(report, ending.progress);
    for one in &mut report.suffered {
        // All of them suffer every pulse.
        one.injected = ending.progress.counters.injected;
    }
    report.state = match &ending.not_undone {
        None => State::Ended {
            how: how_it_ended(&ending.reason, asked),
        },
        Some(not_undone) => State::UndoIncomplete {
            what: not_undone.to_string(),
        },
    };
    if let Reason::Refused(error) | Reason::Failed(error) = &ending.reason {
        let why = super::state::said(error);
        report
            .warnings
            .push(format!("ended before its time: {why}"));
    }
    if ending.progress.taken_back > 0 {
        report.warnings.push(format!(
            "somebody else took it back, {} times, before a pulse was over",
            ending.progress.taken_back
        ));
    }
}

/// Completes the report of signals with how they ended.
pub(super) fn signals_report(
    report: &mut FaultReport,
    ending: &signals::Ending,
    asked: Ended,
    probability: Probability,
) {
    let signals::Ending {
        reason,
        not_undone,
        progress,
    } = ending;
    add_signals(report, progress, probability);
    left_alone(report, progress);
    report.state = match not_undone {
        None => State::Ended {
            how: how_signals_ended(reason, asked),
        },
        Some(not_undone) => State::UndoIncomplete {
            what: not_undone.to_string(),
        },
    };
    if let signals::Reason::Failed(error) = reason {
        let why = super::state::said(error);
        report
            .warnings
            .push(format!("ended before its time: {why}"));
    }
}

/// Why signals that ended by themselves did.
fn how_signals_ended(reason: &signals::Reason, asked: Ended) -> Ended {
    match reason {
        // It was over before anybody asked.
        signals::Reason::Over if asked == Ended::Stopped => Ended::Finished,
        signals::Reason::Vanished => Ended::TargetGone,
        signals::Reason::Over
        | signals::Reason::Stopped
        | signals::Reason::KeeperDied
        | signals::Reason::Failed(_) => asked,
    }
}

/// Says of whom the signals kept away.
fn left_alone(report: &mut FaultReport, progress: &signals::Progress) {
    let counted = [
        (progress.protected, "a protected process was left alone"),
        (
            progress.stopped_before,
            "a process that somebody else had stopped was left alone",
        ),
    ];
    let counted = counted.into_iter().filter(|(count, _)| *count > 0);
    let counted = counted.map(|(count, what)| format!("{what}, {count} times"));
    report.warnings.extend(counted);
}

fn add_signals(report: &mut FaultReport, progress: &signals::Progress, asked: Probability) {
    let signals::Progress {
        rounds,
        counters,
        protected: _,
        stopped_before: _,
        ref suffered,
    } = *progress;
    report.counters = counters;
    report.rate = Rate::of(asked, &report.counters);
    report.rounds = Some(rounds);
    report.suffered = suffered.iter().map(suffered_by).collect();
}

fn suffered_by(process: &signals::Suffered) -> Suffered {
    let signals::Suffered {
        stream,
        pid,
        comm,
        injected,
    } = process;
    Suffered {
        who: format!("{comm} ({pid})"),
        stream: Some(*stream),
        injected: *injected,
    }
}

fn add_pulses(report: &mut FaultReport, progress: Progress) {
    report.counters = progress.counters;
    report.pulses = u32::try_from(progress.counters.injected).ok();
    let mut hooks = report.plan.hooks.iter();
    let limit = hooks.any(|hook| matches!(hook, Hook::Setting { .. }));
    report.strain = limit.then(|| Strained::of(&progress));
}

fn counters(counted: injector_abi::Counters) -> Counters {
    let injector_abi::Counters {
        matched,
        eligible,
        expired,
        outside,
        injected,
        passed,
        expected: _,
        foreign,
    } = counted;
    Counters {
        matched,
        eligible,
        expired,
        outside,
        injected,
        passed,
        foreign,
    }
}

/// The share that suffered against the one asked for.
fn rate(running: &Running, counted: &injector_abi::Counters, counters: &Counters) -> Option<Rate> {
    let own = running.spec.common.probability;
    match running.spec.action.bursts().chain(own) {
        Some(gemodel) => {
            let asked = Probability::new(gemodel.mean()?)?;
            Rate::of_bursts(asked, counters, gemodel.memory())
        }
        None => Rate::of(asked(own, counted), counters),
    }
}

/// The probability asked for: the mean over events where aggregates scale it, else the fault's own.
fn asked(own: Probability, counted: &injector_abi::Counters) -> Probability {
    let scaled = counted.expected != own.threshold().saturating_mul(counted.eligible);
    if scaled && counted.eligible > 0 {
        mean(counted).unwrap_or(own)
    } else {
        own
    }
}

#[expect(clippy::cast_precision_loss, reason = "a mean of counts")]
fn mean(counted: &injector_abi::Counters) -> Option<Probability> {
    let mean = counted.expected as f64 / counted.eligible as f64 / 2_f64.powi(32);
    Probability::new(mean.clamp(0.0, 1.0))
}
