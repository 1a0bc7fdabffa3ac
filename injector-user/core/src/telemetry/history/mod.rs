//! The last hour, one frame a second, in bounded memory.
//!
//! Only the newest frame is kept as a whole; every other one is the difference to the one after it, as a
//! string of bytes that is read in either direction. So the newest frames, which are asked for most, are
//! the cheapest to have, and the oldest one goes without anything being written anew.

mod bytes;
mod delta;
mod keep;
mod look;
mod names;

pub use keep::{History, Losses, Refused};
pub use look::Frames;

#[cfg(test)]
mod tests;
