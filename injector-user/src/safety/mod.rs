//! What keeps the host whole: permits, protected processes, lock-out protection and the undo log.
//!
//! Nothing outside this module can make a [`Permit`], and no function that changes the host works
//! without one.

mod lockout;
mod permit;
mod protected;
pub mod undo;

#[cfg(test)]
mod fuzz;

pub use lockout::{Exemptions, Flow, LocalPort, LockoutError, Transport, exemptions};
pub use permit::{NotPermitted, Permit, permit, permit_housekeeping};
pub use protected::{Guarded, Protection};
pub(crate) use protected::{is_kernel_thread, starts_container};
