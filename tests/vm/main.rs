//! Tests that make sense only in a guest: on kernels that this machine does not run, or with harm
//! that no host should take. They run there as root, one at a time, by `cargo xtask vm run`.

mod crash;
mod ending;
mod filters;
mod netem;
mod presets;
mod refused;
mod software;
mod spin;
mod surroundings;
mod syscalls;
mod throttle;

#[path = "../host/limited.rs"]
mod limited;
#[path = "../host/stage.rs"]
#[expect(dead_code, reason = "the tests of hosts use more of it")]
mod stage;
