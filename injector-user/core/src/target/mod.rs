//! Who is to suffer a fault, as a person says it.
//!
//! A selector only names; which processes and interfaces it means is found by the engine and
//! decided by [`crate::plan`].

mod selector;

pub use selector::Selector;
