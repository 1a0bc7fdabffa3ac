//! What the planner reads, for one fault.

use injector_core::fault::FaultSpec;
use injector_core::plan::{self, Inventory};

use super::running::{Client, Running};
use super::state::{Engine, failed};
use crate::protocol::Failure;
use crate::target;

impl Engine {
    /// As much of the host as the fault's target needs, what is armed, and what this host can do.
    pub(super) fn inventory(
        &mut self,
        client: Client,
        spec: &FaultSpec,
    ) -> Result<Inventory, Failure> {
        let own = [std::process::id().cast_signed(), self.keeper.pid()];
        let command = self.commands.path(client);
        let mut inventory = target::gather(
            &spec.target,
            spec.kind(),
            command.as_deref(),
            &self.protection,
            &own,
        )
        .map_err(|error| failed(&error))?;
        inventory.armed = self.armed();
        inventory.capabilities = self.capabilities_of(spec.kind());
        Ok(inventory)
    }

    fn armed(&self) -> Vec<plan::ArmedFault> {
        self.faults.values().map(Running::planned).collect()
    }
}
