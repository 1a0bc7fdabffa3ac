//! A circuit breaker over the samples of one probe.
//!
//! # States
//!
//! ```text
//!             a threshold is crossed
//!   closed ---------------------------> open
//!     ^                                  |  only with `rearm`, when the back-off is over
//!     |  enough good samples             v  and the last sample was good
//!     +----------------------------- half-open ---> open (one bad sample)
//! ```
//!
//! *Closed* lets the faults act. *Open* means they are off: without [`Rearm`], or once its attempts
//! are used up, this state is final and ends the experiment. *Half-open* means the faults are armed
//! again, weaker, on probation.
//!
//! # Trip conditions
//!
//! Two dimensions, because they catch different failures: `consecutive` sees an outage within a few
//! samples, the window sees a service that fails one request in three and never twice in a row.
//! Either is enough; when one sample crosses both, the consecutive one is named. A threshold of zero
//! switches its dimension off.
//!
//! # Cold start
//!
//! The window does not trip before it holds `minimum` samples, so that one bad first sample is not
//! "100 % failing". A run of `consecutive` bad samples trips from the start: that many failures are
//! an outage whether or not we caused it. Leaving the open state empties both dimensions.
//!
//! # Recovery
//!
//! The wait before attempt `n` is `initial * factor^n`, at most `max`, moved by up to `jitter` of
//! itself in either direction so that several breakers do not try in step. The jitter comes from a
//! seed: the same samples give the same transitions. A system that is still failing when the wait is
//! over is not shaken again until its probe is good. The attempts are counted over the whole
//! experiment, so a breaker cannot flap for ever.

mod machine;
mod policy;
#[cfg(test)]
mod tests;
mod transition;

pub use machine::Breaker;
pub use policy::{Backoff, Policy, Rearm, Window};
pub use transition::{State, Transition, TransitionReason, TripReason};
