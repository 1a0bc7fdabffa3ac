//! The engine, keeper, command line and runner behind the `temblor` binary.

pub mod loader;
pub mod sys;
