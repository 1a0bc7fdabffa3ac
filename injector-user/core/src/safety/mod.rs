//! When to stop: the circuit breaker, and by how much a re-armed fault is weakened.
//!
//! Everything here is a decision over values it is given. It must never read a clock or do I/O: the
//! runner samples the probes and carries the decisions out.

mod breaker;
mod intensity;

pub use breaker::{
    Backoff, Breaker, Policy, Rearm, State, Transition, TransitionReason, TripReason, Window,
};
pub use intensity::weakened;
