//! Puts reports on disk.

mod write;

pub(crate) use write::replace;
pub use write::{WriteReport, write};
