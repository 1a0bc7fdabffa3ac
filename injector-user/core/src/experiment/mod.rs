//! Experiments in the Chaos Toolkit's format, with one more provider and one more key.
//!
//! [`validate`] reads a YAML or JSON text into a typed [`Experiment`] and says everything that is
//! wrong with it, each with its place in the file. It is strict where a mistake would change what
//! is injected (an unknown key in a `temblor` provider is an error) and lenient where the toolkit
//! is (an unknown key elsewhere is a warning). What the toolkit can do and this cannot is an error,
//! never silently left out, when leaving it out would change the outcome.
//!
//! What targets feel is asked for by a `metric` that is a [`Claim`](crate::telemetry::Claim);
//! [`Experiment::observation`] is what has to be observed for all of them together.
//!
//! Secrets are values like others to a provider; [`Experiment::secrets`] knows them all, so that
//! nothing that holds one is printed.

mod model;
mod observation;
mod overrides;
mod provider;
mod python;
mod read;
mod secrets;
mod substitute;
#[cfg(test)]
mod tests;
pub mod tolerance;
mod variables;

pub use model::{
    Activity, ActivityKind, BreakerSpec, Dry, Experiment, Hypothesis, HypothesisStrategy, Pauses,
    Probe, RollbackStrategy, Runtime, Silence,
};
pub use observation::{Observation, Observe};
pub use overrides::{Overrides, variable};
pub use provider::{Arguments, Http, Measure, Metric, Process, Provider, Temblor, Timeout};
pub use python::python_text;
pub use read::{Source, Validated, validate};
pub use secrets::Secrets;
