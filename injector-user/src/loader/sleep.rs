//! Faults whose callers sleep.

use std::sync::Arc;

use injector_abi::sleep::Slept;
use injector_core::plan::{Entry, Hook};

use super::kernel::{ArmedFault, Arming, Kernel, KernelError};
use crate::dormitory::{Dormitory, DormitoryError, Tables};
use crate::latency::Naps;
use crate::sys::pod::Shared;

impl Kernel {
    /// Makes beds for the callers of a fault, if they are to sleep.
    pub(super) fn open_dormitory(
        &mut self,
        fault: &mut ArmedFault,
        arming: &Arming<'_>,
    ) -> Result<(), KernelError> {
        let failing = arming.spec.action.failing();
        let naps = failing.map(|failing| Naps::of(&failing.outcome, arming.seed));
        let Some(naps) = naps.transpose().map_err(DormitoryError::Start)?.flatten() else {
            return Ok(());
        };
        self.tables
            .slept
            .set(fault.slot, Shared(Slept::default()), 0)?;
        fault.delays = true;
        if arming.plan.hooks.iter().all(is_spin) {
            return Ok(());
        }
        let tables = Tables {
            beds: Arc::clone(&self.tables.beds),
            dormitories: Arc::clone(&self.tables.dormitories),
        };
        fault.dormitory = Some(Dormitory::open(&tables, fault.slot, naps)?);
        Ok(())
    }

    /// What became of the callers that were to sleep; none if none were.
    pub fn slept(&self, fault: &ArmedFault) -> Result<Option<Slept>, KernelError> {
        if !fault.delays {
            return Ok(None);
        }
        Ok(Some(self.tables.slept.get(&fault.slot, 0)?.0))
    }
}

/// Whether callers are kept busy there, and need no beds.
fn is_spin(hook: &Hook) -> bool {
    matches!(
        hook,
        Hook::Function {
            entry: Entry::Spin,
            ..
        }
    )
}
