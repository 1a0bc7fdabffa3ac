//! Programs that only look, with maps of their own: loaded while somebody observes, and gone with the last.

mod rows;
mod tables;
mod tracer;

pub use rows::{Counted, Lost, Seen};
pub(super) use tables::rows;
pub use tracer::{TraceError, Tracer};
