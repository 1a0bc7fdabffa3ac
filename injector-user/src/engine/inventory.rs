//! What the planner reads, for one fault.

use std::path::Path;
use std::time::Duration;

use injector_core::fault::{Action, FaultSpec};
use injector_core::plan::{self, Inventory, Mechanism, Plan};
use injector_core::target::{Pattern, Selector, meant};

use nix::poll::{PollTimeout, poll};

use super::arm::refusal;
use super::house::nanos;
use super::running::{Client, Running};
use super::state::{Engine, failed};
use crate::clock::monotonic_ns;
use crate::loader::Functions;
use crate::protocol::Failure;
use crate::target::{self, Gathering, Names};

/// How often a host is looked at that changes each time.
const LOOKS: usize = 4;

/// How long a process may take from one hierarchy of its container to the next: the kernel lets a
/// grace period pass between them. Short against the lease, as nothing is renewed meanwhile.
const UNDERWAY_MS: u8 = 20;

/// How long names of containers are believed without asking again.
const BELIEVED: Duration = Duration::from_secs(1);

/// What containers were called when that was asked the last time.
#[derive(Debug, Default)]
pub(super) struct Called {
    names: Names,
    asked_ns: u64,
}

impl Called {
    pub(super) fn ask(&mut self) {
        self.names = Names::ask().or_before(&self.names);
        self.asked_ns = monotonic_ns();
    }

    /// Whether this was told a moment ago. An expression may mean new ones too.
    fn has(&self, pattern: &Pattern) -> bool {
        let fresh = monotonic_ns().saturating_sub(self.asked_ns) < nanos(BELIEVED);
        let known = |name: &String| self.names.by_id.values().any(|known| known == name);
        fresh && matches!(pattern, Pattern::Exact(name) if known(name))
    }
}

fn pause() {
    // A signal cuts it short, which costs a look.
    let _interrupted = poll(&mut [], PollTimeout::from(UNDERWAY_MS));
}

impl Engine {
    /// What would be done on this host, as it is when nobody is between two places.
    ///
    /// A process enters a container hierarchy by hierarchy. While one is on its way, the hierarchies
    /// disagree about who is in it, or it is in none that could be frozen. So a refusal counts only
    /// once a second look finds the same host.
    pub(super) fn settled_plan(
        &mut self,
        client: Client,
        spec: &FaultSpec,
    ) -> Result<Plan, Failure> {
        let mut inventory = self.inventory(client, spec)?;
        for _ in 0..LOOKS {
            if let Ok(plan) = plan::plan(&inventory, spec) {
                return Ok(plan);
            }
            pause();
            let before = inventory;
            inventory = self.inventory(client, spec)?;
            if inventory == before {
                break;
            }
        }
        plan::plan(&inventory, spec).map_err(|refused| refusal(refused, spec))
    }

    /// As much of the host as the fault's target needs, what is armed, and what this host can do.
    pub(super) fn inventory(
        &mut self,
        client: Client,
        spec: &FaultSpec,
    ) -> Result<Inventory, Failure> {
        let command = self.commands.path(client);
        let Selector::Container(pattern) = &spec.target else {
            return self.gather(command.as_deref(), spec);
        };
        if self.called.has(pattern) {
            let inventory = self.gather(None, spec)?;
            if !meant(&inventory.containers, pattern).is_empty() {
                return Ok(inventory);
            }
        }
        self.called.ask();
        self.gather(None, spec)
    }

    /// The same, with the names that are known already.
    pub(super) fn gather(
        &mut self,
        command: Option<&str>,
        spec: &FaultSpec,
    ) -> Result<Inventory, Failure> {
        let own = [std::process::id().cast_signed(), self.keeper.pid()];
        let gathering = Gathering {
            command,
            names: &self.called.names,
            protection: &self.protection,
            own: &own,
        };
        let gathered = target::gather(&spec.target, spec.kind(), &gathering);
        let mut inventory = gathered.map_err(|error| failed(&error))?;
        inventory.armed = self.armed();
        inventory.capabilities = self.capabilities_of(spec);
        inventory.functions = Functions::needed_by(spec.kind(), &inventory);
        inventory.panics_on_oom = target::panics_on_oom();
        if let Action::Limit(limit) = &spec.action {
            inventory.settings = target::settings_of(limit.controllers(), &inventory.cgroups);
        }
        inventory.disks = target::disks_of(&spec.action, &inventory.processes);
        inventory.files = target::files_of(&spec.action, &inventory.processes);
        let needed = [Path::new("/"), self.log.path()];
        inventory.supplies =
            target::supplies_of(&spec.action, &inventory, &self.workers(), &needed);
        if inventory.usable(Mechanism::Uprobe).is_ok() {
            let pids = inventory.processes.iter().map(|process| process.pid);
            inventory.sites = target::sites_of(pids);
        }
        Ok(inventory)
    }

    fn armed(&self) -> Vec<plan::ArmedFault> {
        self.faults.values().map(Running::planned).collect()
    }
}
