//! The undo log: what must be put back on this host, written down before it is changed.
//!
//! One file per entry, complete or absent: written under a temporary name, synced, renamed, and the
//! folder synced, all before the change is made. The engine undoes at its start what the log still
//! holds; so does `temblor undo`. Undoing is idempotent and verified by looking. An entry that cannot
//! be read is set aside, never deleted.

mod entry;
mod fault;
mod log;
mod recover;
#[cfg(test)]
mod tests;

pub use entry::{Cause, Effect, Entry, Maker};
pub use fault::UndoError;
pub use log::{Recorded, UndoLog};
pub use recover::{Ending, Outcome, recover};
pub(crate) use recover::{remove_folder, remove_tree};
