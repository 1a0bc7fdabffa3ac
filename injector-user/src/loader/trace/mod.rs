//! Programs that only look, with maps of their own: loaded while somebody observes, and gone with the last.

mod attached;
mod cells;
mod fields;
mod objects;
mod rows;
mod tables;
mod tracer;

pub(super) use cells::cells;
pub(crate) use rows::add_counted;
pub use rows::{Counted, Lost, Seen, added};
pub use tracer::{TraceError, Tracer};
