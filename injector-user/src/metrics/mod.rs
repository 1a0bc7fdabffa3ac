//! Prometheus metrics, served by whoever asks for them and read from the engine at each scrape.
//!
//! The engine itself listens on no network. Names and base units follow the Prometheus conventions;
//! no metric means that nobody knows, never 0.

mod exposition;
mod serve;

pub use exposition::{CONTENT_TYPE, exposition};
pub use serve::{listen, scrape, serve};
