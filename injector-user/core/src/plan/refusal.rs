//! Why there is no plan.

use std::fmt;

use crate::fault::FaultSpec;
use crate::problem::Problem;

/// What would not be done, because of which parameter, and what would serve instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub class: RefusalClass,
    /// The parameter that would have to be another, by its name in [`crate::fault::schema`], or
    /// [`crate::fault::FAULT`] if nothing but another fault would serve.
    pub param: &'static str,
    /// Lower case, without a full stop.
    pub reason: String,
    pub hint: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalClass {
    /// The request itself is wrong here: nothing matches, or too much does.
    Input,
    /// The request is clear, and is not done.
    Refused,
}

impl Refusal {
    pub(super) fn input(param: &'static str, reason: impl Into<String>) -> Unhinted {
        Unhinted {
            class: RefusalClass::Input,
            param,
            reason: reason.into(),
        }
    }

    pub(super) fn refused(param: &'static str, reason: impl Into<String>) -> Unhinted {
        Unhinted {
            class: RefusalClass::Refused,
            param,
            reason: reason.into(),
        }
    }

    /// Of the process that was asked.
    pub fn exit_code(&self) -> u8 {
        match self.class {
            RefusalClass::Input => 2,
            RefusalClass::Refused => 3,
        }
    }

    /// The same, said of the place where `spec` was written.
    pub fn at(self, spec: &FaultSpec) -> Problem {
        Problem::new(spec.places.of(self.param), self.reason).hint(self.hint)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.reason)
    }
}

impl std::error::Error for Refusal {}

/// A refusal that does not say yet what would serve.
#[derive(Debug)]
#[must_use]
pub(super) struct Unhinted {
    class: RefusalClass,
    param: &'static str,
    reason: String,
}

impl Unhinted {
    pub(super) fn hint(self, hint: impl Into<String>) -> Refusal {
        let Self {
            class,
            param,
            reason,
        } = self;
        Refusal {
            class,
            param,
            reason,
            hint: hint.into(),
        }
    }
}
