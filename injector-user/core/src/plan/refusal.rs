//! Why there is no plan.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What would not be done, why, and what would serve instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub class: RefusalClass,
    /// Lower case, without a full stop.
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalClass {
    /// The request itself is wrong here: nothing matches, or too much does.
    Input,
    /// The request is clear, and is not done.
    Refused,
}

impl Refusal {
    pub fn input(reason: impl Into<String>) -> Self {
        Self {
            class: RefusalClass::Input,
            reason: reason.into(),
            hint: None,
        }
    }

    pub fn refused(reason: impl Into<String>) -> Self {
        Self {
            class: RefusalClass::Refused,
            ..Self::input(reason)
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Of the process that was asked.
    pub fn exit_code(&self) -> u8 {
        match self.class {
            RefusalClass::Input => 2,
            RefusalClass::Refused => 3,
        }
    }

    /// The reason, and one more line if there is a hint.
    pub fn render(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{self}\nhint: {hint}"),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.reason)
    }
}

impl std::error::Error for Refusal {}
