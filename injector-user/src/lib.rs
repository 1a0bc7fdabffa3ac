//! The engine, keeper, command line and runner behind the `temblor` binary.

pub mod delay_line;
pub mod loader;
pub mod sys;
