//! Faults of whole processes: `process.freeze` and `process.signal`.
//!
//! What a packet is to a network fault, a pulse is to a freeze, and one round as one process meets it
//! to a signal: `when` chooses them by their number, `probability` is drawn once for each, and
//! `max_hits` is how many may suffer. What is spared takes as long as what is not.

mod freeze;
mod signal;
mod volleys;

pub use freeze::Freeze;
pub use signal::Signal;
pub use volleys::Volleys;
