//! Who is to suffer a fault, as a person says it.
//!
//! A selector only names; which processes and interfaces it means is found by the engine and
//! decided by [`crate::plan`].

mod choice;
mod container;
mod form;
mod named;
mod pattern;
mod selector;
mod unit;

pub use choice::{Choice, Mode, ModeName, Weigh};
pub use container::{Container, Runtime, meant};
pub(crate) use form::kinds;
pub use form::markdown_table;
pub use pattern::{Expression, Pattern};
pub use selector::Selector;
pub use unit::unit_of;

#[cfg(test)]
mod tests;
