//! The engine, keeper, command line and runner behind the `temblor` binary.

pub mod report;
pub mod runner;
