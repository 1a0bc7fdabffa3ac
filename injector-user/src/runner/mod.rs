//! Drives an experiment from its hypothesis to its report.
//!
//! The order is the Chaos Toolkit's: hypothesis, method (with the hypothesis continuously, if so
//! asked), hypothesis, rollbacks. Faults end before the second look at the hypothesis. Circuit
//! breakers sample on tasks of their own all along; one that opens switches the faults off before
//! anything else happens.
//!
//! The runner knows no engine: it arms through [`Faults`]. It must never return with a fault armed,
//! whatever happened; what could not be undone is in the report, and decides the verdict.
//!
//! # Differences from the toolkit
//!
//! - A hypothesis that fails before the method, a deviation that is only seen while the method
//!   runs, and a failing action of the method or of the rollbacks make the run fail (exit code 1);
//!   `chaos` exits with 0.
//! - Commands get no standard input and a process group of their own.
//! - The limit for reading an HTTP answer also bounds the whole answer.
//! - A check that fails while the method runs, and is to end it, ends what it does, too.

mod activity;
mod assemble;
mod breaker;
mod call;
mod clock;
mod event;
mod experiment;
mod faults;
mod halt;
mod hypothesis;
mod ledger;
mod observing;
mod preflight;
mod probe;
mod recovering;
mod redact;
mod run;
#[cfg(test)]
mod tests;
mod verdict;

pub use call::{HttpError, ProcessError};
pub use event::{Cut, Event, Happened, Measured, Performed, Side, Watch};
pub use experiment::{Options, run};
pub use faults::{Armed, End, FaultError, FaultErrorClass, Faults, Snapshot};
pub use halt::Cancel;
pub use preflight::missing_programs;
