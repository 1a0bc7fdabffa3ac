//! Processes that come to be targets, and those that never do: no call of a protected one fails, even
//! once it has entered a target's cgroup.

use std::collections::BTreeSet;

use super::kernel::{ArmedFault, Kernel, KernelError};

impl Kernel {
    /// Leaves this process alone from now on, in every fault of calls.
    pub fn protect(&mut self, pid: i32) -> Result<(), KernelError> {
        Ok(self.tables.protected.insert(pid.cast_unsigned(), 1, 0)?)
    }

    /// To be called when it has ended: its number may be a target's next.
    pub fn protect_no_more(&mut self, pid: i32) {
        // It may have been removed already.
        let _absent = self.tables.protected.remove(&pid.cast_unsigned());
    }

    /// Puts probes at the instructions of processes that have become targets of a fault.
    pub fn reach(&mut self, fault: &ArmedFault, processes: &BTreeSet<i32>) {
        for index in &fault.hooks {
            self.hooks.reach(*index, processes);
        }
    }

    /// Every process that is a target of a fault by its number, those that were born to one included.
    pub fn thread_groups_of(&self, fault: &ArmedFault) -> BTreeSet<i32> {
        let entries = self.tables.by_thread_group.iter().flatten();
        let its = entries.filter(|(_pid, mask)| mask >> fault.slot & 1 != 0);
        its.map(|(pid, _mask)| pid.cast_signed()).collect()
    }

    /// Every process that is a target by its number, those that were born to one included.
    pub fn thread_groups(&self) -> impl Iterator<Item = i32> + use<'_> {
        let keys = self.tables.by_thread_group.keys().flatten();
        keys.map(u32::cast_signed)
    }
}
