//! Benchmarks: what faults cost, how exact they are, and how fast they come and go.
//!
//! Each lies in a file of its own whose documentation says how it measures and against which peer;
//! ours and the peer's rounds alternate within one run. Nothing here compares with figures from
//! elsewhere, and a row says no more than what was measured on this machine.

mod able;
mod arming;
mod attempt;
mod breach;
mod bystander;
mod calls;
mod capture;
mod cpu_share;
mod crowd;
mod delay_error;
mod disk_rate;
mod doctor;
mod doer;
mod ending;
mod every;
mod fleet;
mod machine;
mod many;
mod memory;
mod observe_cost;
mod observe_exact;
mod observe_idle;
mod observe_load;
mod packet_cost;
mod pair;
mod pairs;
mod peer;
mod pressure;
mod probability;
mod programs;
mod redis;
mod release;
mod row;
mod scene;
mod scrape;
mod seen;
mod sibling;
mod sleep_error;
mod soak;
mod statistics;
mod stream;
mod subject;
mod suite;
mod syscall_arming;
mod syscall_cost;
mod table;
mod throughput;
mod traffic;
mod unmatched;
mod usage;
mod village;

pub use suite::{Arguments, run};
