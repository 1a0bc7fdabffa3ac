//! The Chaos Toolkit's record of a run, `journal.json`, for tools that read such records.
//!
//! Keys and their meaning are those of chaostoolkit-lib's `chaoslib.run` and `chaoslib.activity`; what this
//! project knows besides stands under one more key. [`Entry`] is what is added while the run goes on, so that
//! a run whose process was killed has a journal too: [`Unfinished`].

mod entry;
mod model;
mod unfinished;

pub use entry::{Begun, Entry};
pub use model::{FOLLOWED, Journal, Played, PlayedStatus, Status, SteadyState, SteadyStates};
pub use unfinished::Unfinished;
