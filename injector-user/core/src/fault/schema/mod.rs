//! The one table of parameters, from which flags, documentation and the JSON schema are made.

mod choice;
mod common;
mod disk;
mod json;
mod limit;
mod markdown;
mod net;
mod pressure;
mod process;
mod sock;
mod syscall;
mod table;

pub use json::json_schema;
pub use markdown::markdown_table;
pub use table::{Param, ValueType, param, params, unknown};
