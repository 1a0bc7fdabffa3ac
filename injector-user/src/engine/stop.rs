//! How faults end.

use super::report::ending_report;
use super::running::{Client, Effect, Running};
use super::state::{Engine, unknown};
use crate::clock::{monotonic_ns, unix_ms};
use crate::freezer::Reason;
use crate::protocol::{Ended, Failure, FaultReport, State, Which};

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
            let late = self.ended.iter().find(|report| report.fault == *id);
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
        let running = self.faults.remove(id)?;
        let mut report = self.report(&running);
        report.state = State::Ended { how };
        // Programs look at the deadline themselves; taking them out is not the fault's time.
        let mut ended_ns = silent_ns.min(running.window.deadline_ns);
        match running.effect {
            Effect::Kernel(armed) => {
                report.line = self.kernel.disarm(*armed);
            }
            Effect::Freeze(freezes) => {
                let ending = freezes.stop();
                ended_ns = monotonic_ns();
                if let Some(ending) = ending {
                    ending_report(&mut report, &ending, how);
                } else {
                    let what = "the thread that freezes and thaws panicked".to_owned();
                    report.state = State::UndoIncomplete { what };
                }
            }
        }
        report.warnings.extend(nothing_matched(&report));
        let since_ms = monotonic_ns().saturating_sub(ended_ns) / 1_000_000;
        report.window.ended_ns = ended_ns;
        report.window.ended_unix_ms = unix_ms().saturating_sub(since_ms);
        self.remember(report.clone());
        Some(report)
    }
}

/// A fault that concerned nothing proves nothing: people should not take it for resilience.
fn nothing_matched(report: &FaultReport) -> Option<String> {
    if report.counters.matched > 0 {
        return None;
    }
    let why = if report.plan.select.cgroup.is_some() {
        "; a socket belongs to the cgroup in which it was made, not to where its process went since"
    } else {
        ""
    };
    Some(format!(
        "nothing happened: no event of the target agreed with all filters{why}"
    ))
}

/// Why a freeze that ended by itself did.
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
        Effect::Freeze(freezes) => freezes.halt(),
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
