//! Keeps the Chaos Toolkit's journal of a run from what happens in it.

mod keep;
mod moment;
#[cfg(test)]
mod tests;

pub use keep::Keeper;
