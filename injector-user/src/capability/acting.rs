//! A fault of a trial: built from words as any other, armed by the same loader, taken out with the
//! value.

use std::collections::BTreeMap;
use std::time::Duration;

use injector_abi::Counters;
use injector_core::fault::net::Connections;
use injector_core::fault::{self, Action, FaultSpec, Given, Kind};
use injector_core::plan::{Hook, Mechanism, Plan, Select};

use super::obstacle::Obstacle;
use crate::clock::monotonic_ns;
use crate::delay_line::LineReport;
use crate::loader::{ArmedFault, Arming, Kernel, KernelError};
use crate::safety::permit_housekeeping;

/// What a trial does to its subject.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) kind: Kind,
    pub(super) mechanism: Mechanism,
    /// Besides target and duration.
    pub(super) params: &'a [(&'a str, &'a str)],
    pub(super) hooks: Vec<Hook>,
    /// Whom it concerns; the rest is in the parameters.
    pub(super) whom: Select,
}

/// Longer than a trial takes; should it hang, the kernel ends its fault.
const LONGEST: Duration = Duration::from_secs(2);

/// A fault that acts until this value is dropped.
#[derive(Debug)]
pub(super) struct Acting<'a> {
    kernel: &'a mut Kernel,
    armed: Option<ArmedFault>,
}

impl Order<'_> {
    fn spec(&self) -> Result<FaultSpec, Obstacle> {
        let own = std::process::id().to_string();
        let target = format!("pid:{own}");
        let common = [("target", target.as_str()), ("duration", "2s")];
        let given = common.iter().chain(self.params);
        let given: BTreeMap<String, Given> = given
            .map(|(name, text)| ((*name).to_owned(), Given::flag(name, *text)))
            .collect();
        fault::parse(self.kind, &given).map_err(Obstacle::Parse)
    }

    fn plan(&self, spec: &FaultSpec) -> Plan {
        let (peers, ports, protocol) = match &spec.action {
            Action::SockError(failure) => {
                (fault::prefixes(&failure.peers), failure.ports.clone(), None)
            }
            action => action.filter().map(filter).unwrap_or_default(),
        };
        Plan {
            kind: self.kind,
            fault: spec.to_params(),
            who: Vec::new(),
            chosen: None,
            mechanism: self.mechanism,
            also: Vec::new(),
            hooks: self.hooks.clone(),
            select: Select {
                peers,
                ports,
                protocol,
                connections: Connections::All,
                ..self.whom.clone()
            },
            delay_ns: 0,
            duration_ns: nanos(LONGEST),
            warnings: Vec::new(),
        }
    }
}

type Filtered = (
    Vec<fault::Prefix>,
    Vec<fault::PortRange>,
    Option<fault::net::Protocol>,
);

fn filter(filter: &fault::net::Filter) -> Filtered {
    (
        fault::prefixes(&filter.peers),
        filter.ports.clone(),
        filter.protocol,
    )
}

impl<'a> Acting<'a> {
    /// Arms the fault and makes it act.
    pub(super) fn begin(kernel: &'a mut Kernel, order: &Order<'_>) -> Result<Self, Obstacle> {
        let spec = order.spec()?;
        let plan = order.plan(&spec);
        let arming = Arming {
            plan: &plan,
            spec: &spec,
            seed: 0,
            rehearsing: false,
            followed: false,
            exempt: &[],
        };
        let deadline_ns = monotonic_ns() + nanos(LONGEST);
        kernel.renew_lease(deadline_ns);
        let armed = kernel.arm(&arming, &permit_housekeeping())?;
        let acting = Self {
            kernel,
            armed: Some(armed),
        };
        if let Some(armed) = &acting.armed {
            acting.kernel.mark_sockets(armed)?;
            acting.kernel.activate(armed, deadline_ns)?;
        }
        Ok(acting)
    }

    /// How often the fault has acted.
    pub(super) fn injected(&self) -> Result<u64, KernelError> {
        let counters = self.armed.as_ref().map(|armed| self.kernel.counters(armed));
        Ok(counters
            .transpose()?
            .map_or(0, |Counters { injected, .. }| injected))
    }

    /// Takes the fault out; what its delay line did, if it had one.
    pub(super) fn end(mut self) -> Option<LineReport> {
        self.armed
            .take()
            .and_then(|armed| self.kernel.disarm(armed))
    }
}

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        if let Some(armed) = self.armed.take() {
            // The trial has failed: what its line did does not matter.
            let _report = self.kernel.disarm(armed);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
