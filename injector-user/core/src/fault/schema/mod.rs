//! The one table of parameters, from which flags, documentation and the JSON schema are made.

mod choice;
mod json;
mod markdown;
mod signal;
mod table;

pub use json::json_schema;
pub use markdown::markdown_table;
pub use table::{Param, ValueType, param, params, unknown};
