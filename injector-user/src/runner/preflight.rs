//! What can be known to fail before anything is begun.

use injector_core::experiment::{Activity, Experiment, Provider, Temblor};
use injector_core::problem::Problem;

use super::call;
use super::faults::{FaultErrorClass, Faults};
use super::halt::Halt;
use super::run::Run;

/// The programs of process activities that this host does not have.
pub fn missing_programs(experiment: &Experiment) -> Vec<Problem> {
    let missing = |activity: &Activity| match &activity.provider {
        Provider::Process(process) if call::find(&process.path).is_none() => {
            let place = activity.place.key("provider").key("path");
            let message = format!("there is no program `{}` to be found", process.path);
            Some(
                Problem::new(place, message)
                    .hint("a name in PATH, or a path to an executable file"),
            )
        }
        _ => None,
    };
    let probes = experiment
        .hypothesis
        .iter()
        .flat_map(|hypothesis| &hypothesis.probes)
        .map(|probe| &probe.activity);
    let breakers = experiment
        .breakers
        .iter()
        .map(|breaker| &breaker.probe.activity);
    let all = probes
        .chain(&experiment.method)
        .chain(&experiment.rollbacks)
        .chain(breakers);
    let mut problems: Vec<Problem> = all.filter_map(missing).collect();
    problems.sort();
    problems.dedup();
    problems
}

impl<F: Faults> Run<F> {
    /// Halts if a fault would be refused. A target that is not there yet is no reason: the method
    /// may start it.
    pub(super) async fn preflight(&self) {
        for activity in &self.experiment.method {
            let Provider::Temblor(Temblor::Arm { fault, .. }) = &activity.provider else {
                continue;
            };
            if let Err(error) = self.ledger.plan(fault).await
                && matches!(
                    error.class,
                    FaultErrorClass::Refused | FaultErrorClass::Failed
                )
            {
                let name = activity.name.clone();
                self.halter.halt(Halt::Fault {
                    name,
                    class: error.class,
                    message: error.told(),
                });
                return;
            }
        }
    }
}
