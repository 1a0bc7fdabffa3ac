//! The command line: one file for each verb, and what they share.
//!
//! It reads words, asks the engine or the runner, and prints. It must never change the host itself
//! (`undo` and `stop` do, through `safety`), and prints only through [`Out`]. Every failure ends as
//! one [`CliError`] with an exit status of [`Exit`] and, where one is known, a hint.

mod again;
mod announce;
mod baseline;
mod caller;
mod command;
mod completions;
mod context;
mod convert;
mod doctor;
mod engine;
mod events;
mod examples;
mod exit;
mod experiment;
mod failure;
mod fault_args;
mod graph;
mod inject;
mod interrupts;
mod logs;
mod loopback;
mod man;
mod matrix;
mod metrics;
mod observe;
mod out;
mod plan;
mod quantity;
mod replay;
mod report;
mod run;
mod start;
mod status;
mod stop;
mod style;
mod table;
mod targets;
mod top;
mod undo;
mod validate;

pub use command::command;
pub use exit::Exit;
pub use failure::CliError;
pub use out::Out;
pub use start::main;
pub use style::{Choice, Style};

#[cfg(test)]
mod tests;
