//! Faults of whole processes: `process.freeze` and `process.signal`, and at what they ask of the kernel:
//! `process.crash`, `process.fd_limit` and `process.fork_error`.
//!
//! What a packet is to a network fault, a pulse is to a freeze, and one round as one process meets it
//! to a signal: `when` chooses them by their number, `probability` is drawn once for each, and
//! `max_hits` is how many may suffer. What is spared takes as long as what is not.

mod crash;
mod limit;
mod signal;
mod volleys;

pub use crash::Crash;
pub use limit::Limit;
pub(super) use limit::{OF_FILES, OF_TASKS};
pub use signal::Signal;
pub use volleys::Volleys;
