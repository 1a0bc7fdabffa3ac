//! Faults armed and ended at random for a long time, while everything that can die does; then a look at
//! what is left.
//!
//! 200 workers arm faults of every kind, end them in every way (asked, connection dropped, detached and
//! left alone, command killed, stopped or interrupted, deadline), and begin again; there are places for
//! 64 faults that need kernel programs, so that some are refused, which is part of it. Meanwhile packets
//! flow where the faults are, processes come and go in the targets' cgroups a thousand times a second,
//! processes that are targets die, and a process in a cgroup with a memory limit runs into it again and
//! again.
//!
//! The first half leaves the engine alone, and compares what it holds at its end (memory, descriptors,
//! kernel programs, maps and links, threads) with what it held after an eighth of it; an engine that
//! ends by itself meanwhile, which its keeper may have to do, is told. In the second half engine and keeper are killed and stopped, one at a time and
//! together. After it the host must be as it was, and whoever was a target must answer. What was done is
//! counted; every count is a row.

mod actors;
mod churn;
mod engine;
mod harm;
mod hog;
mod life;
mod place;
mod run;
mod state;
mod tally;

pub(super) use run::measure;
