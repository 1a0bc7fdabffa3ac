//! From a text to a typed experiment. One file per block; all of them report into one
//! [`Reading`], so that everything wrong is said at once.

mod activity;
mod at;
mod breaker;
mod experiment;
mod observe;
mod provider;
mod temblor;
mod tolerance;

pub(super) use at::{At, Reading};
pub use experiment::{Source, Validated, validate};
