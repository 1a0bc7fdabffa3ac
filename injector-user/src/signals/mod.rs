//! Sending signals to the processes of a target, in rounds.
//!
//! Each signal goes through a descriptor of its process, opened before it is looked at whether that
//! process still belongs to the target and is not protected: one that reuses a number never gets it.
//! What a signal ends is ended. What it stops is owned by no descriptor, so it is in a list beside the
//! undo log's entry and in the keeper's charge before it is stopped, and its loop moves a lease of its
//! own for as long as somebody stands still. Who was stopped by somebody else is left alone.

mod fault;
mod round;
mod run;
mod start;
mod stopped;
mod target;

pub use fault::SignalsError;
pub use run::{Ending, NotContinued, Reason};
pub use start::{Choice, Order, Progress, Schedule, Signals, Suffered};
pub(crate) use stopped::{LIST, continue_all};
pub use target::Targets;
