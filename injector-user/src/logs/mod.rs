//! A target's log lines, followed by the client and counted by [`injector_core::logs`].
//!
//! Sources are the journal of a unit, the output of a container as its runtime gives it, files that
//! processes write their output to, and files that are named. Each is followed by a task of its own,
//! which tells [`Collector`] what it read; nothing is written, and the engine is only asked which faults
//! act. It runs with the rights of whoever called, and what cannot be followed is named with the reason.
//!
//! Memory is bounded: a line is cut after [`MOST_LINE`] bytes, at most 1280 lines wait to be counted (who
//! writes faster waits, or is read later), and at most [`Collector::MOST_SOURCES`] sources are followed,
//! each with a few pieces of some KiB. That is less than 64 MiB, whatever a target writes.

mod api;
mod collector;
mod container;
mod fault;
mod faults;
mod feed;
mod file;
mod find;
mod frames;
mod journal;
mod line;
mod start;
mod streams;
mod tail;

pub use collector::{Collected, Collector, Subject};
pub use fault::LogsError;
pub use feed::Followed;
pub use find::Unfollowed;
pub use line::MOST_LINE;

#[cfg(test)]
mod container_tests;
#[cfg(test)]
mod tests;
