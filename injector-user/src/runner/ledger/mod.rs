//! The faults of one run: which are armed, which wait for a breaker to close, how each ended.
//!
//! Whoever arms asks the ledger, so that a breaker that opens in the middle of arming is never
//! overtaken: the gate is closed first, and what was armed meanwhile is stopped by who armed it.
//!
//! Arming and stopping run on tasks of their own, because the activity that asked for it may be
//! dropped at any time: a fault whose number nobody knows could not be stopped. Closing the ledger
//! waits for them.

#[expect(clippy::module_inception, reason = "the ledger is the one thing in it")]
mod ledger;
mod record;
mod under_way;

pub(super) use ledger::Ledger;
