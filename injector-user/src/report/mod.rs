//! Puts reports on disk.

mod write;

pub use write::{WriteReport, write};
