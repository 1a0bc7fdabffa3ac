//! A freeze as what pulses impose.

use std::os::fd::BorrowedFd;

use super::cgroup::{Flavour, Freezer, State};
use crate::keeper::Mending;
use crate::pulses::{Condition, ConditionError, Standing};
use crate::safety::Permit;
use crate::safety::undo::Effect;

impl Condition for Freezer {
    fn vet(&self, is_target: &dyn Fn(i32) -> bool) -> Result<(), ConditionError> {
        Ok(Self::vet(self, is_target)?)
    }

    fn impose(&self, permit: &Permit) -> Result<(), ConditionError> {
        Ok(self.freeze(permit)?)
    }

    fn lift(&self) -> Result<(), ConditionError> {
        Ok(self.thaw()?)
    }

    fn standing(&self) -> Result<Standing, ConditionError> {
        Ok(match self.state()? {
            State::Thawed => Standing::Lifted,
            State::Freezing => Standing::Coming,
            State::Frozen => Standing::InForce,
        })
    }

    fn is_imposed(&self) -> Result<bool, ConditionError> {
        Ok(self.is_asked()?)
    }

    fn undoing(&self) -> (Effect, Mending) {
        let effect = Effect::Thaw {
            freezer: self.flavour(),
            path: self.path().to_owned(),
            inode: self.inode(),
        };
        let mending = match self.flavour() {
            Flavour::V2 => Mending::ThawV2,
            Flavour::V1 => Mending::ThawV1,
        };
        (effect, mending)
    }

    fn control(&self) -> BorrowedFd<'_> {
        Self::control(self)
    }
}
