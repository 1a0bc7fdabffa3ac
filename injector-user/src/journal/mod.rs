//! Keeps the Chaos Toolkit's journal of a run from what happens in it.

mod diary;
mod keep;
mod moment;
#[cfg(test)]
mod tests;

pub use diary::{Beginning, Diary, Left, left};
pub use keep::Keeper;
