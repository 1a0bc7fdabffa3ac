//! Programs that only look, with maps of their own: loaded while somebody observes, and gone with the last.

mod fields;
mod objects;
mod rows;
mod tables;
mod tracer;

pub use rows::{Counted, Lost, Seen, added};
pub(super) use tables::rows;
pub use tracer::{TraceError, Tracer};
