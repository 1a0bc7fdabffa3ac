//! The engine, keeper, command line and runner behind the `temblor` binary.

pub mod clock;
pub mod freezer;
pub mod keeper;
pub mod safety;
mod sys;
pub mod target;
