//! Experiments of other tools as ours, and ours as the Chaos Toolkit's.
//!
//! Each format of another tool is a `table::Dialect`: a table that says of every field what it
//! becomes, or why it is refused. The same table converts, refuses, and is printed as documentation.
//! What stands in no row is refused too, so nothing is ever left out silently.
//!
//! A new dialect is a file with a table beside `chaos_mesh` and `litmus`, and a word in [`Format`].

mod assemble;
mod chaos_mesh;
mod datadog;
mod fields;
mod format;
mod kubernetes;
mod litmus;
mod manifest;
mod markdown;
mod part;
mod readers;
mod table;
#[cfg(test)]
mod tests;
mod who;
mod yaml;

pub use format::Format;
pub use manifest::{Converted, convert};
pub use markdown::markdown;
pub use who::Who;
