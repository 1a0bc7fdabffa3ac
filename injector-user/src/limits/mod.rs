//! Settings of cgroups that narrow what they may use, changed and put back exactly.
//!
//! A setting is changed only if it shows what it showed when the fault was planned, and put back only if it
//! still shows what we wrote: what somebody else has written since is theirs, and stays. What it showed
//! before is in the undo log, and in a list beside it for the keeper, before anything is written. It is
//! imposed in pulses, as [`crate::pulses`] says.

mod fault;
mod limiter;
mod meter;
mod rows;

pub use fault::LimitError;
pub use limiter::{Limiter, Place};
pub(crate) use rows::{Found, MOST, Rows, look, put_back};
