//! An experiment that was read without errors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::observation::Observe;
use super::provider::Provider;
use super::secrets::Secrets;
use super::tolerance::Tolerance;
use crate::problem::Place;
use crate::safety::Policy;
use crate::words::words;

/// A whole experiment; every `${name}` in it is replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    pub title: String,
    pub description: String,
    /// Of the format, as the file says.
    pub version: Option<String>,
    pub tags: Vec<String>,
    pub contributions: BTreeMap<String, String>,
    /// Kept as they were written; not acted on.
    pub controls: Vec<serde_json::Value>,
    pub hypothesis: Option<Hypothesis>,
    pub method: Vec<Activity>,
    pub rollbacks: Vec<Activity>,
    pub runtime: Runtime,
    pub breakers: Vec<BreakerSpec>,
    /// What is to be observed besides what probes need.
    pub observe: Option<Observe>,
    /// Values that must not be printed.
    pub secrets: Secrets,
    /// As it was written, with the names in its title replaced.
    pub source: Arc<serde_json::Value>,
}

/// What is true of a healthy system.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    pub title: String,
    pub probes: Vec<Probe>,
}

/// An activity whose answer is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    pub activity: Activity,
    pub tolerance: Tolerance,
}

/// One thing to do or to ask.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    pub kind: ActivityKind,
    /// Unique among the actions that arm a fault: `stop` and metrics refer to it.
    pub name: String,
    pub provider: Provider,
    pub pauses: Pauses,
    /// The method goes on without waiting for it.
    pub background: bool,
    /// Where it stands.
    pub place: Place,
    /// As it was written.
    pub source: Arc<serde_json::Value>,
}

words!(ActivityKind, "a type of activity", { Action => "action", Probe => "probe" });

/// Whether an activity changes something or measures something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityKind {
    Action,
    Probe,
}

/// How long to wait around an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pauses {
    pub before: Duration,
    pub after: Duration,
}

/// When the hypothesis is checked and the rollbacks are played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Runtime {
    pub hypothesis: HypothesisStrategy,
    /// Between two checks while the method runs.
    pub frequency: Duration,
    /// Whether a check that fails while the method runs ends the experiment.
    pub fail_fast: bool,
    /// From which share of failed checks on, in per cent.
    pub fail_fast_ratio: f64,
    pub rollbacks: RollbackStrategy,
    /// What is left out; the command line says so, not the file.
    pub dry: Option<Dry>,
}

words!(Dry, "what is left out of a dry run", {
    Probes => "probes",
    Actions => "actions",
    Activities => "activities",
    Pause => "pause",
});

/// What a dry run leaves out: it counts as done, and as tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dry {
    Probes,
    Actions,
    /// Both.
    Activities,
    /// Pauses around activities, and nothing else.
    Pause,
}

/// When the hypothesis is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HypothesisStrategy {
    /// Before and after the method.
    Default,
    BeforeMethodOnly,
    AfterMethodOnly,
    DuringMethodOnly,
    /// Before, during and after the method.
    Continuously,
    /// Never.
    Skip,
}

words!(HypothesisStrategy, "a strategy for the hypothesis", {
    Default => "default",
    BeforeMethodOnly => "before-method-only",
    AfterMethodOnly => "after-method-only",
    DuringMethodOnly => "during-method-only",
    Continuously => "continuously",
    Skip => "skip",
});

/// When the rollbacks are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollbackStrategy {
    /// Unless the run failed or was interrupted.
    Default,
    Always,
    Never,
    /// Only if the system deviated.
    Deviated,
}

words!(RollbackStrategy, "a strategy for rollbacks", {
    Default => "default",
    Always => "always",
    Never => "never",
    Deviated => "deviated",
});

/// A circuit breaker over a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerSpec {
    pub name: String,
    pub probe: Probe,
    /// Between two samples, at least 20 ms.
    pub interval: Duration,
    /// After which a sample without an answer is bad.
    pub timeout: Duration,
    pub policy: Policy,
    pub no_data: Silence,
}

words!(Silence, "what no data is", { Ignored => "ignored", Bad => "bad" });

/// What it is to a breaker if there is no data of what targets feel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Silence {
    /// No sample at all.
    #[default]
    Ignored,
    /// A bad sample.
    Bad,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            hypothesis: HypothesisStrategy::Default,
            frequency: Duration::from_secs(1),
            fail_fast: false,
            fail_fast_ratio: 0.0,
            rollbacks: RollbackStrategy::Default,
            dry: None,
        }
    }
}

impl Runtime {
    /// Whether activities of this kind are only said to be done.
    pub fn leaves_out(&self, kind: ActivityKind) -> bool {
        match self.dry {
            Some(Dry::Activities) => true,
            Some(Dry::Probes) => kind == ActivityKind::Probe,
            Some(Dry::Actions) => kind == ActivityKind::Action,
            Some(Dry::Pause) | None => false,
        }
    }

    /// Whether there is no pause around them.
    pub fn hurries(&self, kind: ActivityKind) -> bool {
        self.dry == Some(Dry::Pause) || self.leaves_out(kind)
    }
}

impl HypothesisStrategy {
    pub fn checks_before(self) -> bool {
        matches!(
            self,
            Self::Default | Self::BeforeMethodOnly | Self::Continuously
        )
    }

    pub fn checks_during(self) -> bool {
        matches!(self, Self::DuringMethodOnly | Self::Continuously)
    }

    pub fn checks_after(self) -> bool {
        matches!(
            self,
            Self::Default | Self::AfterMethodOnly | Self::Continuously
        )
    }
}
