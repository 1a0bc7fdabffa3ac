//! Faults of packets, and which packets of a target they concern.

mod chain;
mod corrupt;
mod delay;
mod duplicate;
mod filter;
mod loss;
mod partition;
mod rate;

pub use chain::{Bursts, Gemodel};
pub use corrupt::{Corrupt, Corruption};
pub use delay::{Delay, Reorder};
pub use duplicate::Duplicate;
pub use filter::{Direction, Filter, Protocol};
pub use loss::Loss;
pub use partition::{Answer, Connections, Partition};
pub use rate::Rate;
