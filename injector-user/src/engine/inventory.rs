//! What the planner reads, for one fault.

use injector_core::fault::FaultSpec;
use injector_core::plan::{self, Inventory};
use injector_core::target::Selector;

use super::running::{Client, Running};
use super::state::{Engine, failed};
use crate::protocol::Failure;
use crate::target::{self, Gathering, Names};

impl Engine {
    /// As much of the host as the fault's target needs, what is armed, and what this host can do.
    pub(super) fn inventory(
        &mut self,
        client: Option<Client>,
        spec: &FaultSpec,
    ) -> Result<Inventory, Failure> {
        let own = [std::process::id().cast_signed(), self.keeper.pid()];
        let command = client.and_then(|client| self.commands.path(client));
        if matches!(spec.target, Selector::Container(_)) {
            self.names = Names::ask().or_before(&self.names);
        }
        let gathering = Gathering {
            command: command.as_deref(),
            names: &self.names,
            protection: &self.protection,
            own: &own,
        };
        let gathered = target::gather(&spec.target, spec.kind(), &gathering);
        let mut inventory = gathered.map_err(|error| failed(&error))?;
        inventory.armed = self.armed();
        inventory.capabilities = self.capabilities_of(spec.kind());
        Ok(inventory)
    }

    fn armed(&self) -> Vec<plan::ArmedFault> {
        self.faults.values().map(Running::planned).collect()
    }
}
