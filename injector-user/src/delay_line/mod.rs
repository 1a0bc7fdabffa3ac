//! The TAP line of `net.delay`, `net.rate` and `net.corrupt`: packets that a kernel program redirects
//! into a TAP device wait here, or are changed, and go back where they came from.
//!
//! Fails open: the loop that forwards moves the line's lease, at most [`LEASE`] ahead, and nothing
//! else does; the kernel program redirects only while it holds. A stopped process therefore passes
//! traffic instead of swallowing it, and what it held too long is thrown away when it goes on. The
//! device has no owner but the descriptor: it goes with the process.

mod bucket;
mod buffers;
mod line;
mod queue;
mod sampler;
mod spoiler;
mod tap;
mod treatment;
mod waking;

pub use line::{LEASE, Line, LineError, LineReport};
pub use tap::{Tap, TapError, is_line, name_at};
pub use treatment::Treatment;

#[cfg(test)]
mod sampler_tests;
