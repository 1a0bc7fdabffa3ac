//! One call of a provider: an answer as JSON, or why there is none.
//!
//! An answer that says "no" (a status of 500, an exit code of 1) is an answer. There is none only
//! when the call could not be made or took too long, as in the Chaos Toolkit.

mod heads;
mod http;
mod process;

pub use http::HttpError;
pub use process::ProcessError;

pub(super) use http::call as call_http;
pub(super) use process::{call as call_process, find};
