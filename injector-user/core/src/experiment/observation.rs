//! What a run observes: for its probes, and for what its report says of recovery.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::model::{Activity, Experiment};
use super::provider::{Provider, Temblor};
use crate::target::Selector;
use crate::telemetry::{Claim, Expression, Signal};
use crate::units::format_duration;
use crate::words::listed;

/// `x-temblor: { observe: ... }`; what is not given follows from probes and faults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observe {
    pub targets: Option<BTreeSet<Selector>>,
    pub signals: Option<BTreeSet<Signal>>,
    /// At most an hour.
    pub before: Option<Duration>,
    /// At most an hour.
    pub after: Option<Duration>,
}

/// Who is observed from before the first look at the hypothesis until all is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub targets: BTreeSet<Selector>,
    pub signals: BTreeSet<Signal>,
    /// How long, before anything else is done.
    pub before: Duration,
    /// How long at most, in the end, for what is natural to come back.
    pub after: Duration,
}

impl Observation {
    /// Without `before`, at least; so that what is natural can be told.
    pub const BEFORE: Duration = Duration::from_secs(10);
    /// Without `after`.
    pub const AFTER: Duration = Duration::from_secs(10);
    /// Of both.
    pub const LONGEST: Duration = Duration::from_hours(1);
}

impl Experiment {
    /// What has to be observed; nothing unless a probe asks what targets feel, or `observe` is given.
    #[must_use]
    pub fn observation(&self) -> Option<Observation> {
        let claims: Vec<&Claim> = self.activities().filter_map(claim).collect();
        if claims.is_empty() && self.observe.is_none() {
            return None;
        }
        let given = self.observe.clone().unwrap_or_default();
        let asked = claims.iter().map(|claim| &claim.expression);
        // What cannot be told of was refused when it was read.
        let asked_of = asked.clone().filter_map(|asked| asked.targets().ok());
        #[expect(
            clippy::mutable_key_type,
            reason = "expressions are compared by their text"
        )]
        let mut targets: BTreeSet<Selector> = asked_of.flatten().collect();
        let mut signals: BTreeSet<Signal> = asked.flat_map(Expression::signals).collect();
        match given.targets {
            Some(given) => targets.extend(given),
            None if self.observe.is_some() => targets.extend(self.suffering()),
            None => {}
        }
        match given.signals {
            Some(given) => signals.extend(given),
            None if signals.is_empty() => drop(signals.insert(Signal::Syscalls)),
            None => {}
        }
        Some(Observation {
            targets,
            signals,
            before: given.before.unwrap_or_else(|| self.settling()),
            after: given.after.unwrap_or(Observation::AFTER),
        })
    }

    /// Every activity, wherever it stands.
    pub fn activities(&self) -> impl Iterator<Item = &Activity> {
        let probes = self.hypothesis.iter().flat_map(|one| &one.probes);
        let probes = probes.chain(self.breakers.iter().map(|breaker| &breaker.probe));
        let probes = probes.map(|probe| &probe.activity);
        probes.chain(&self.method).chain(&self.rollbacks)
    }

    /// Targets of faults that are processes or cgroups, or all.
    fn suffering(&self) -> impl Iterator<Item = Selector> {
        let armed = self
            .method
            .iter()
            .filter_map(|activity| match &activity.provider {
                Provider::Temblor(Temblor::Arm { fault, .. }) => Some(&fault.target),
                _ => None,
            });
        let is_seen = |target: &&Selector| match target {
            Selector::Netns(_) | Selector::Iface { .. } | Selector::Command(_) => false,
            Selector::Host
            | Selector::Pid(_)
            | Selector::Cgroup(_)
            | Selector::Container(_)
            | Selector::Unit(_)
            | Selector::Comm(_)
            | Selector::Exe(_)
            | Selector::User(_) => true,
        };
        armed.filter(is_seen).cloned()
    }

    /// As far as the first look at the hypothesis looks back.
    fn settling(&self) -> Duration {
        let probes = self.hypothesis.iter().flat_map(|one| &one.probes);
        let claims = probes.filter_map(|probe| claim(&probe.activity));
        let over = claims.map(|claim| claim.expression.over()).max();
        over.unwrap_or_default().max(Observation::BEFORE)
    }
}

fn claim(activity: &Activity) -> Option<&Claim> {
    match &activity.provider {
        Provider::Temblor(Temblor::Claim(claim)) => Some(claim),
        Provider::Temblor(_) | Provider::Http(_) | Provider::Process(_) => None,
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            targets,
            signals,
            before,
            after,
        } = self;
        write!(
            out,
            "{} of {}, {} before and {} at most after",
            listed(signals),
            listed(targets),
            format_duration(*before),
            format_duration(*after)
        )
    }
}
