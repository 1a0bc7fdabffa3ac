//! The `temblor` binary.
fn main() {}
