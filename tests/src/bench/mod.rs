//! Benchmarks: what faults cost, how exact they are, and how fast they come and go.
//!
//! Each lies in a file of its own whose documentation says how it measures and against which peer;
//! ours and the peer's rounds alternate within one run. Nothing here compares with figures from
//! elsewhere, and a row says no more than what was measured on this machine.

mod machine;
mod packet_cost;
mod pair;
mod programs;
mod row;
mod statistics;
mod suite;
mod table;

pub use row::{Row, Rows};
pub use suite::{Arguments, run};
