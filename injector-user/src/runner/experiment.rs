//! The phases of a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use injector_core::experiment::{ActivityKind, BreakerSpec, Experiment, RollbackStrategy};
use injector_core::report::{EndReason, Phase, Report};
use injector_core::telemetry::Baseline;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::assemble::{Facts, assemble};
use super::clock::Clock;
use super::event::{Cut, Event, Events, Watch};
use super::faults::{FaultErrorClass, Faults};
use super::halt::{Cancel, Halt};
use super::hypothesis::Check;
use super::run::Run;
use crate::sys::descriptors::make_room;

/// Longest time given to the probes to show that the target recovered after a breaker opened.
const LONGEST_RECOVERY: Duration = Duration::from_secs(1);

/// What a run needs to know besides its experiment.
#[derive(Debug)]
pub struct Options {
    /// The wall time at which it starts.
    pub started: SystemTime,
    /// What the report says of the host.
    pub host: BTreeMap<String, String>,
    /// What decides the jitter of the breakers.
    pub seed: u64,
    /// Variables of programs, beside those of this process.
    pub environment: BTreeMap<String, String>,
    /// What was natural for targets before; for others the run itself is looked at.
    pub baselines: Vec<Baseline>,
    /// What the reader of the report should know from reading the experiment.
    pub warnings: Vec<String>,
    /// What the person in front of it wants; a sender that is gone wants it to go on.
    pub cancel: watch::Receiver<Cancel>,
    /// Who is told what happens, as it happens and without the experiment's secrets. The
    /// warnings above are not told again.
    pub watcher: Option<Arc<dyn Watch>>,
}

/// Runs an experiment to its report. No fault of it is armed when this returns.
pub async fn run<F: Faults>(experiment: Experiment, faults: Arc<F>, options: Options) -> Report {
    let Options {
        started,
        host,
        seed,
        baselines,
        environment,
        warnings,
        cancel,
        watcher,
    } = options;
    let clock = Clock::start(started);
    let (events, mut told) = Events::channel();
    if let Err(error) = make_room(descriptors_of(&experiment)) {
        events.warn(format!(
            "the number of open files could not be raised: {error}"
        ));
    }
    for warning in warnings {
        events.warn(warning);
    }
    let events = events.watched(watcher, clock, experiment.secrets.clone());
    let run = Arc::new(Run::new(
        experiment,
        faults,
        clock,
        events,
        (baselines, environment),
    ));
    let mut watchers = JoinSet::new();
    for (index, breaker) in (0..).zip(run.breakers()) {
        watchers.spawn(Arc::clone(&run).watch(breaker, seed.wrapping_add(index)));
    }
    watchers.spawn(obey(Arc::clone(&run), cancel.clone()));
    // On the heap: whoever waits for a run need not have room for all of its phases.
    let outcome = Box::pin(run.phases(cancel.clone())).await;
    let seen = run.see_out(cancel).await;
    watchers.shutdown().await;
    run.events
        .tell(Event::Over(run.halter.why().as_ref().map(cut)));
    let mut all = Vec::new();
    while let Ok(event) = told.try_recv() {
        all.push(event);
    }
    assemble(
        &run.experiment,
        &clock,
        Facts {
            host,
            halt: run.halter.why(),
            gate: outcome.gate,
            after: outcome.after,
            seen,
        },
        all,
    )
}

/// How many files it may have open: whatever there is besides, and what reads and waits for programs.
fn descriptors_of(experiment: &Experiment) -> u64 {
    const BESIDES: u64 = 200;
    const OF_A_PROGRAM: u64 = 4;
    let background = experiment.activities().filter(|one| one.background).count();
    BESIDES + OF_A_PROGRAM * background as u64
}

fn cut(halt: &Halt) -> Cut {
    match halt {
        Halt::Breaker { .. } => Cut::Breaker,
        Halt::FailFast => Cut::FailFast,
        Halt::Fault { .. } | Halt::Observing { .. } => Cut::Fault,
        Halt::Cancelled(_) => Cut::Person,
    }
}

/// What the phases found.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    gate: Check,
    after: Check,
}

/// Halts the run when the person wants it.
async fn obey<F: Faults>(run: Arc<Run<F>>, mut cancel: watch::Receiver<Cancel>) {
    if let Ok(wish) = cancel
        .wait_for(|wish| *wish != Cancel::No)
        .await
        .map(|wish| *wish)
    {
        run.halter.halt(Halt::Cancelled(wish));
    }
}

impl<F: Faults> Run<F> {
    /// Those whose probes are asked.
    fn breakers(&self) -> Vec<BreakerSpec> {
        let Experiment {
            breakers, runtime, ..
        } = &self.experiment;
        let asked = |breaker: &&BreakerSpec| !runtime.leaves_out(breaker.probe.activity.kind);
        breakers.iter().filter(asked).cloned().collect()
    }

    async fn phases(self: &Arc<Self>, cancel: watch::Receiver<Cancel>) -> Outcome {
        let mut outcome = Outcome {
            gate: Check::Met,
            after: Check::Met,
        };
        if !self.experiment.runtime.leaves_out(ActivityKind::Action) {
            self.preflight().await;
        }
        if self.halter.why().is_none() {
            self.observe().await;
        }
        if self.halter.why().is_none() {
            if let Some(gate) = self.unless_halted(self.gate()).await {
                outcome.gate = gate;
            }
            if outcome.gate == Check::Met && self.halter.why().is_none() {
                self.method().await;
            }
        }
        self.switch_off().await;
        if outcome.gate == Check::Met
            && let Some(after) = self.looks_again(cancel.clone()).await
        {
            outcome.after = after;
        }
        if self.plays_rollbacks(outcome) {
            self.roll_back(cancel).await;
        }
        outcome
    }

    /// The future's value, unless the run is halted before or meanwhile.
    pub(super) async fn unless_halted<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.halter.halted() => None,
            value = work => Some(value),
        }
    }

    async fn gate(&self) -> Check {
        match &self.experiment.hypothesis {
            Some(hypothesis) if self.experiment.runtime.hypothesis.checks_before() => {
                self.check(hypothesis, Phase::Before).await
            }
            _ => Check::Met,
        }
    }

    async fn method(self: &Arc<Self>) {
        let mut during = JoinSet::new();
        if let Some(hypothesis) = self.experiment.hypothesis.clone()
            && self.experiment.runtime.hypothesis.checks_during()
        {
            during.spawn(Arc::clone(self).check_continuously(hypothesis));
        }
        let mut background = JoinSet::new();
        let _over = self
            .unless_halted(self.play(&self.experiment.method, Phase::Method, &mut background))
            .await;
        background.shutdown().await;
        during.shutdown().await;
    }

    /// No fault is armed after this. In an emergency the kill switch comes first.
    async fn switch_off(&self) {
        let reason = match self.halter.why() {
            None => EndReason::MethodOver,
            Some(Halt::Breaker { .. }) => EndReason::Breaker,
            Some(Halt::Cancelled(_)) => EndReason::Interrupted,
            Some(Halt::FailFast | Halt::Fault { .. } | Halt::Observing { .. }) => {
                EndReason::Stopped
            }
        };
        if reason != EndReason::MethodOver
            && !self.ledger.is_idle()
            && let Err(error) = self.ledger.kill(None).await
        {
            self.events.warn(format!(
                "the kill switch could not be used: {}",
                error.told()
            ));
        }
        self.end_method();
        self.ledger.close(reason).await;
        if reason == EndReason::Breaker {
            self.show_recovery().await;
        }
    }

    /// Leaves the probes a moment, so that the report shows whether the target recovered.
    async fn show_recovery(&self) {
        let slowest = self
            .experiment
            .breakers
            .iter()
            .map(|breaker| breaker.interval * 10)
            .max();
        tokio::time::sleep(slowest.unwrap_or_default().min(LONGEST_RECOVERY)).await;
    }

    /// Unless the run was halted, or is meanwhile. That the hypothesis failed while the method ran is no reason: it may
    /// hold again without faults.
    async fn looks_again(&self, mut cancel: watch::Receiver<Cancel>) -> Option<Check> {
        if self.halter.why() != Some(Halt::FailFast) {
            return self.unless_halted(self.second_look()).await.flatten();
        }
        let wish = async {
            if cancel.wait_for(|wish| *wish != Cancel::No).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = wish => None,
            check = self.second_look() => check,
        }
    }

    async fn second_look(&self) -> Option<Check> {
        match &self.experiment.hypothesis {
            Some(hypothesis) if self.experiment.runtime.hypothesis.checks_after() => {
                Some(self.check(hypothesis, Phase::After).await)
            }
            _ => None,
        }
    }

    /// By the toolkit's rules; a breaker that opened is a deviation.
    fn plays_rollbacks(&self, outcome: Outcome) -> bool {
        let halt = self.halter.why();
        let deviated = outcome.after != Check::Met || matches!(halt, Some(Halt::Breaker { .. }));
        let failed = outcome.gate == Check::Failed
            || outcome.after == Check::Failed
            // What the hypothesis is like afterwards is the last word, as in the toolkit.
            || (halt == Some(Halt::FailFast) && outcome.after == Check::Met)
            || matches!(
                halt,
                Some(Halt::Fault { .. } | Halt::Observing { .. } | Halt::Cancelled(_))
            );
        let refused = matches!(
            halt,
            Some(
                Halt::Fault {
                    class: FaultErrorClass::Refused | FaultErrorClass::Input,
                    ..
                } | Halt::Observing { .. }
            )
        );
        match (&halt, self.experiment.runtime.rollbacks) {
            (Some(Halt::Cancelled(Cancel::Now)), _) | (_, RollbackStrategy::Never) => false,
            (_, RollbackStrategy::Always) => true,
            (_, RollbackStrategy::Default) => !failed && !refused,
            (_, RollbackStrategy::Deviated) => deviated,
        }
    }

    /// Only a second wish to end ends the rollbacks.
    async fn roll_back(self: &Arc<Self>, mut cancel: watch::Receiver<Cancel>) {
        let at_once = async {
            if cancel.wait_for(|wish| *wish == Cancel::Now).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let mut background = JoinSet::new();
        tokio::select! {
            biased;
            () = at_once => self.events.warn("the rollbacks were cut short by a second interrupt"),
            () = self.play(&self.experiment.rollbacks, Phase::Rollback, &mut background) => {}
        }
        background.shutdown().await;
    }
}
