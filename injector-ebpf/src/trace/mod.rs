//! What programs that only look have in common: they change nothing that anybody else could feel.

pub mod class;
pub mod count;
pub mod datagram;
pub mod edge;
pub mod fields;
pub mod flow;
pub mod maps;
pub mod parked;
pub mod rows;
pub mod tcp;
pub mod waiting;
