//! Checking the hypothesis: once, or again and again while the method runs.

use std::sync::Arc;

use injector_core::experiment::Hypothesis;
use injector_core::report::{HypothesisResult, Phase, ProbeResult};

use super::clock::{milliseconds, pause};
use super::event::Event;
use super::faults::Faults;
use super::halt::Halt;
use super::run::Run;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    Met,
    /// A probe answered something that is not tolerated.
    NotMet,
    /// A probe did not answer.
    Failed,
}

impl<F: Faults> Run<F> {
    /// Asks the probes in their order until one is not met, and puts that on record.
    pub(super) async fn check(&self, hypothesis: &Hypothesis, phase: Phase) -> Check {
        let at_ms = milliseconds(self.clock.elapsed());
        let (check, probes) = self.ask(hypothesis, Some(phase)).await;
        let result = HypothesisResult {
            at_ms,
            met: check == Check::Met,
            probes,
        };
        self.events.tell(Event::Hypothesis { phase, result });
        check
    }

    /// Checks again and again until it is aborted or the run is halted. With `fail_fast`, too many
    /// failed checks halt the run.
    pub(super) async fn check_continuously(self: Arc<Self>, hypothesis: Hypothesis) {
        let runtime = self.experiment.runtime;
        let (mut checks, mut failed) = (0.0, 0.0);
        loop {
            let at_ms = milliseconds(self.clock.elapsed());
            let (check, _) = self.ask(&hypothesis, None).await;
            let met = check == Check::Met;
            self.events.tell(Event::During { met, at_ms });
            checks += 1.0;
            if !met {
                failed += 1.0;
                if runtime.fail_fast && failed / checks * 100.0 >= runtime.fail_fast_ratio {
                    self.halter.halt(Halt::FailFast);
                    return;
                }
            }
            tokio::time::sleep(runtime.frequency).await;
        }
    }

    async fn ask(
        &self,
        hypothesis: &Hypothesis,
        phase: Option<Phase>,
    ) -> (Check, Vec<ProbeResult>) {
        let mut results = Vec::new();
        for probe in &hypothesis.probes {
            pause(probe.activity.pauses.before).await;
            let began = self.clock.elapsed();
            let judged = self.sample(probe).await;
            if let Some(phase) = phase {
                self.record(&probe.activity, phase, began, &judged.answer);
            }
            pause(probe.activity.pauses.after).await;
            let (met, answered) = (judged.unmet.is_none(), judged.answer.is_ok());
            results.push(ProbeResult {
                name: probe.activity.name.clone(),
                tolerance: probe.tolerance.to_string(),
                met,
                why: judged.unmet,
            });
            if !met {
                return (
                    if answered {
                        Check::NotMet
                    } else {
                        Check::Failed
                    },
                    results,
                );
            }
        }
        (Check::Met, results)
    }
}
