//! Tests that make sense only in a guest: on kernels that this machine does not run, or with harm
//! that no host should take. They run there as root, one at a time, by `cargo xtask vm run`.

mod refused;
mod surroundings;
mod syscalls;
