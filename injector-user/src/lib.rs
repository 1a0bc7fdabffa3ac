//! The engine, keeper, command line and runner behind the `temblor` binary.

pub mod announce;
pub mod capability;
pub mod cli;
pub mod client;
pub mod clock;
pub mod delay_line;
pub mod dormitory;
pub mod engine;
pub mod filters;
pub mod freezer;
mod going;
pub mod interception;
pub mod journal;
pub mod keeper;
pub mod latency;
pub mod limits;
pub mod loader;
pub mod logs;
pub mod metrics;
pub mod observer;
pub mod pressure;
pub mod protocol;
pub mod pulses;
pub mod report;
pub mod runner;
pub mod safety;
pub mod signals;
pub mod sys;
pub mod target;
pub mod telemetry;

/// Inputs that parsers must survive; other packages have the same.
#[cfg(test)]
#[path = "../../tests/corpus/corpus.rs"]
mod corpus;

/// Somebody to call; the test rings have the same.
#[cfg(test)]
#[expect(unreachable_pub, reason = "public where the test rings have it")]
#[path = "../../tests/src/web.rs"]
mod web;
