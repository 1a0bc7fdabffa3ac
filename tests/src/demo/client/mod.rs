//! The clients' own process: real connections to a real Redis, one line for every operation.
//!
//! It runs in the client's network namespace and writes to its standard output what each operation
//! cost. It ends with its standard input, so it never outlives the demo.

mod connection;
mod load;
mod operation;

pub(super) use load::{Load, run};
pub(super) use operation::{Lane, Operation, Outcome};
