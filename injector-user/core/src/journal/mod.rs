//! The Chaos Toolkit's record of a run, `journal.json`, for tools that read such records.
//!
//! Keys and their meaning are those of chaostoolkit-lib's `chaoslib.run` and `chaoslib.activity`; what this
//! project knows besides stands under one more key.

mod model;

pub use model::{FOLLOWED, Journal, Played, PlayedStatus, Status, SteadyState, SteadyStates};
