//! Checking the hypothesis: once, or again and again while the method runs.

use std::sync::Arc;

use injector_core::experiment::Hypothesis;
use injector_core::report::{HypothesisResult, Phase, ProbeResult};

use super::clock::milliseconds;
use super::event::{Event, Performed, Side};
use super::faults::Faults;
use super::halt::Halt;
use super::probe::Judged;
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

/// What came of asking the probes.
struct Asked {
    check: Check,
    results: Vec<ProbeResult>,
    probes: Vec<Performed>,
}

impl<F: Faults> Run<F> {
    /// Asks the probes in their order until one is not met, and puts that on record.
    pub(super) async fn check(&self, hypothesis: &Hypothesis, phase: Phase) -> Check {
        let at_ms = milliseconds(self.clock.elapsed());
        let Asked {
            check,
            results,
            probes,
        } = self.ask(hypothesis, phase).await;
        let result = HypothesisResult {
            at_ms,
            met: check == Check::Met,
            probes: results,
        };
        self.events.tell(Event::Hypothesis {
            phase,
            result,
            probes,
        });
        check
    }

    /// Checks again and again until it is aborted or the run is halted. With `fail_fast`, too many
    /// failed checks halt the run.
    pub(super) async fn check_continuously(self: Arc<Self>, hypothesis: Hypothesis) {
        let runtime = self.experiment.runtime;
        let (mut checks, mut failed) = (0.0, 0.0);
        loop {
            let at_ms = milliseconds(self.clock.elapsed());
            let Asked { check, probes, .. } = self.ask(&hypothesis, Phase::During).await;
            let met = check == Check::Met;
            self.events.tell(Event::During { met, at_ms, probes });
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

    async fn ask(&self, hypothesis: &Hypothesis, phase: Phase) -> Asked {
        let mut asked = Asked {
            check: Check::Met,
            results: Vec::new(),
            probes: Vec::new(),
        };
        for probe in &hypothesis.probes {
            self.pause(&probe.activity, Side::Before).await;
            let began = self.clock.elapsed();
            let judged = if self.experiment.runtime.leaves_out(probe.activity.kind) {
                Judged::unasked()
            } else {
                self.sample(probe).await
            };
            let performed = self.record(&probe.activity, phase, began, &judged);
            asked.probes.push(performed);
            self.pause(&probe.activity, Side::After).await;
            let (met, answered) = (judged.unmet.is_none(), judged.answer.is_ok());
            asked.results.push(ProbeResult {
                name: probe.activity.name.clone(),
                tolerance: probe.tolerance.to_string(),
                met,
                why: judged.unmet,
            });
            if !met {
                asked.check = if answered {
                    Check::NotMet
                } else {
                    Check::Failed
                };
                break;
            }
        }
        asked
    }
}
