//! When the hypothesis is checked, when rollbacks are played, and what is left out: flags that win over the file.

use std::time::Duration;

use injector_core::experiment::{Dry, HypothesisStrategy, RollbackStrategy, Runtime};

/// The toolkit's flags.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct StrategyArgs {
    /// Leave out activities of this kind: they count as done, and as tolerated
    ///
    /// One of probes, actions, activities (both) and pause (pauses alone). Without actions no fault is armed.
    #[arg(long, value_name = "WHAT")]
    dry: Option<Dry>,
    /// When to check the hypothesis: default (before and after the method), before-method-only,
    /// after-method-only, during-method-only, continuously, or skip
    #[arg(long, value_name = "WHEN")]
    hypothesis_strategy: Option<HypothesisStrategy>,
    /// Seconds between two checks while the method runs
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    hypothesis_frequency: Option<Duration>,
    /// End the experiment at the first check that fails while the method runs
    #[arg(long)]
    fail_fast: bool,
    /// When to play the rollbacks: default (unless the run failed or was interrupted), always, never, or deviated
    #[arg(long, value_name = "WHEN")]
    rollback_strategy: Option<RollbackStrategy>,
}

impl StrategyArgs {
    /// What was given wins.
    pub(super) fn apply(&self, runtime: &mut Runtime) {
        runtime.dry = self.dry;
        runtime.hypothesis = self.hypothesis_strategy.unwrap_or(runtime.hypothesis);
        runtime.frequency = self.hypothesis_frequency.unwrap_or(runtime.frequency);
        runtime.fail_fast |= self.fail_fast;
        runtime.rollbacks = self.rollback_strategy.unwrap_or(runtime.rollbacks);
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "a number of seconds, for example 0.5".to_owned())
}
