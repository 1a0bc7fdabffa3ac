//! How faults end.

use injector_core::units::{Probability, nanoseconds};

use super::intercept::add_calls;
use super::report::{ending_report, signals_report};
use super::running::{Client, Effect, Running};
use super::state::{Engine, unknown};
use crate::clock::{monotonic_ns, unix_ms};
use crate::protocol::{Ended, Failure, FaultReport, State, Which};
use crate::pulses::Reason;

impl Engine {
    /// Ends faults and says what each did.
    pub(super) fn stop(
        &mut self,
        client: Client,
        which: &Which,
    ) -> Result<Vec<FaultReport>, Failure> {
        let ids: Vec<String> = self
            .faults
            .values()
            .filter(|running| concerns(which, client, running))
            .map(|running| running.id.clone())
            .collect();
        if let (Which::Fault(id), true) = (which, ids.is_empty()) {
            let late = self.ended.find(id);
            return late
                .cloned()
                .map(|report| vec![report])
                .ok_or_else(|| unknown(id));
        }
        Ok(self.end_all(&ids, Ended::Stopped))
    }

    /// Ends everything that a connection armed and did not detach.
    pub(super) fn disconnect(&mut self, client: Client) {
        let ids: Vec<String> = self
            .faults
            .values()
            .filter(|running| running.client == Some(client))
            .map(|running| running.id.clone())
            .collect();
        self.end_all(&ids, Ended::OwnerGone);
        self.commands.disown(client);
        self.ended_logs.disown(client);
    }

    /// Ends everything: the engine is about to leave.
    pub(super) fn end_everything(&mut self, how: Ended) {
        let ids: Vec<String> = self.faults.keys().cloned().collect();
        self.end_all(&ids, how);
    }

    /// Stops a connection's faults from acting, at once. They are taken apart later.
    pub(super) fn kill(&mut self, client: Client) {
        let everything = self
            .faults
            .values()
            .all(|running| running.client == Some(client));
        if everything {
            self.kernel.set_kill_switch(true);
        }
        for running in self
            .faults
            .values()
            .filter(|running| running.client == Some(client))
        {
            silence(&mut self.kernel, &running.effect);
        }
        if everything {
            // Every fault is armed nowhere now; the next one must not find the switch thrown.
            self.kernel.set_kill_switch(false);
        }
    }

    /// Silences all of `ids` before any is taken apart: the last one does not act on meanwhile.
    pub(super) fn end_all(&mut self, ids: &[String], how: Ended) -> Vec<FaultReport> {
        for running in ids.iter().filter_map(|id| self.faults.get(id)) {
            silence(&mut self.kernel, &running.effect);
        }
        let silent_ns = monotonic_ns();
        let end = |id: &String| self.end(id, how, silent_ns);
        ids.iter().filter_map(end).collect()
    }

    fn end(&mut self, id: &str, how: Ended, silent_ns: u64) -> Option<FaultReport> {
        let mut running = self.faults.remove(id)?;
        let mut report = self.report(&running);
        self.add_suffered(&running, &mut report);
        report.state = State::Ended { how };
        self.drain(&running);
        let (client, log) = (running.client, running.log.take());
        let asked = running.spec.common.probability;
        let window = running.window;
        let delay_ns = nanoseconds(running.spec.common.delay);
        let took_ns = self.take_apart(running.effect, asked, how, &mut report);
        // Programs look at the deadline themselves; taking them out is not the fault's time.
        let ended_ns = took_ns.unwrap_or(silent_ns.min(window.deadline_ns));
        if let Some(log) = log {
            self.end_log(id, client, log, &mut report);
        }
        report.warnings.extend(nothing_matched(&report));
        let since_ms = monotonic_ns().saturating_sub(ended_ns) / 1_000_000;
        report.window.ended_ns = ended_ns;
        if report.window.injected_ns == 0 && report.counters.injected > 0 {
            // What no program in the kernel does begins with the fault.
            report.window.injected_ns = window.armed_ns.saturating_add(delay_ns);
        }
        report.window.ended_unix_ms = unix_ms().saturating_sub(since_ms);
        self.ended.add(report.clone());
        Some(report)
    }

    /// Takes out what makes a fault happen, and completes its report; when that was, if it is only
    /// over then.
    fn take_apart(
        &mut self,
        effect: Effect,
        asked: Probability,
        how: Ended,
        report: &mut FaultReport,
    ) -> Option<u64> {
        let panicked = match effect {
            Effect::Kernel(armed) => {
                report.line = self.kernel.disarm(*armed);
                return None;
            }
            Effect::Calls(calls) => {
                calls.halt();
                add_calls(report, calls.progress(), asked);
                return None;
            }
            Effect::Pressure(pressures) => {
                self.relieve(pressures, how, asked, report);
                return Some(monotonic_ns());
            }
            Effect::Signals(signals) => match signals.stop() {
                Some(ending) => {
                    signals_report(report, &ending, how, asked);
                    return Some(monotonic_ns());
                }
                None => "the thread that sends signals panicked",
            },
            Effect::Pulses(trains) => match trains.stop() {
                Some(ending) => {
                    ending_report(report, &ending, how);
                    return Some(monotonic_ns());
                }
                None => "the thread that makes the pulses panicked",
            },
        };
        let what = panicked.to_owned();
        report.state = State::UndoIncomplete { what };
        Some(monotonic_ns())
    }

    /// Stops a fault from acting; it is still to be taken apart.
    pub(super) fn silence(&mut self, running: &Running) {
        silence(&mut self.kernel, &running.effect);
    }
}

/// A fault that concerned nothing proves nothing: people should not take it for resilience.
fn nothing_matched(report: &FaultReport) -> Option<String> {
    // A rehearsal says by its counts what it says.
    if report.counters.matched > 0 || report.rehearsal {
        return None;
    }
    // A connection that was reset when it began sends nothing more.
    if report.connections_reset.is_some_and(|count| count > 0) {
        return None;
    }
    let by_socket = !report.kind.is_of_calls();
    let why = if by_socket && report.plan.select.cgroup.is_some() {
        "; a socket belongs to the cgroup in which it was made, not to where its process went since"
    } else {
        ""
    };
    Some(format!(
        "nothing happened: no event of the target agreed with all filters{why}"
    ))
}

/// Why pulses that ended by themselves did.
pub(super) fn how_it_ended(reason: &Reason, asked: Ended) -> Ended {
    match reason {
        // It was over before anybody asked.
        Reason::Over if asked == Ended::Stopped => Ended::Finished,
        Reason::Vanished => Ended::TargetGone,
        Reason::Over
        | Reason::Stopped
        | Reason::KeeperDied
        | Reason::Refused(_)
        | Reason::Failed(_) => asked,
    }
}

fn silence(kernel: &mut crate::loader::Kernel, effect: &Effect) {
    match effect {
        Effect::Kernel(armed) => kernel.silence(armed),
        Effect::Pulses(trains) => trains.halt(),
        Effect::Signals(signals) => signals.halt(),
        Effect::Calls(calls) => calls.halt(),
        Effect::Pressure(pressures) => pressures.halt(),
    }
}

fn concerns(which: &Which, client: Client, running: &Running) -> bool {
    match which {
        Which::All => true,
        Which::Mine => running.client == Some(client),
        Which::Fault(id) => running.id == *id,
        Which::Owner(owner) => running.spec.common.owner.as_ref() == Some(owner),
    }
}
