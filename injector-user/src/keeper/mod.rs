//! The process that undoes what no file descriptor owns when the engine dies, stops or wedges.
//!
//! The engine forks its keeper before anything else. The keeper waits on the engine's pidfd and on a
//! page of leases ([`Heart`]) that the engine's own work moves: no thread moves a lease on behalf of
//! another, for that would certify a loop that no longer runs. When the engine has died or a lease
//! has passed, the keeper kills the engine, undoes everything registered with it, looks whether that
//! worked, removes the undo-log entries of what it verified, and leaves.
//!
//! It must never allocate, log or take a lock after it has started, so that it still works on a
//! machine that is out of memory or disk. It fails by dying: then its pidfd becomes readable in the
//! engine, which ends every effect at once. If both die at the same instant, the undo log is left.

mod charge;
mod fault;
mod handle;
mod heart;
mod home;
mod inbox;
mod message;
mod patience;
mod start;
mod watch;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub use charge::Mending;
pub use fault::KeeperError;
pub use handle::{Keeper, Ledge, Registration, Undoing};
pub use heart::{CELLS, Cell, Heart};
pub use inbox::{Desk, HELD, Received};
pub use start::start;
