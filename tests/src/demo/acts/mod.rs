//! What is performed, one act a file, in this order. Each says what it asks for, then what client A
//! felt, what client B did not, and what was left.

mod breaker;
mod container_delay;
mod container_kill;
mod container_restart;
mod delay;
mod freeze;
mod full;
mod kill_freeze;
mod kill_net;
mod loss;
mod programme;
mod refuse;
mod span;

pub(super) use programme::{ACTS, IN_CONTAINERS};
