//! YAML or JSON text as a tree in which every value knows its line and column.
//!
//! YAML contains JSON, so one reader serves both. It must never panic and never take time or
//! memory out of proportion to its input: size, depth and the growth by aliases are limited. A
//! text that cannot be read gives one [`Problem`](crate::problem::Problem) at its place.

mod build;
mod node;
mod read;

pub use node::{Entry, Node, Value};
pub use read::{read, read_all};

#[cfg(test)]
mod tests;
