//! Prometheus metrics, served by whoever asks for them and read from the engine at each scrape.
//!
//! The engine itself listens on no network. Names and base units follow the Prometheus conventions;
//! no metric means that nobody knows, never 0. Each scrape is written in one pass from what the engine
//! says: nothing is kept from one to the next but the connection that observes. A run has metrics of its own,
//! which it writes beside its report.

mod catalogue;
mod encode;
mod exposition;
mod logged;
mod observation;
mod of_run;
mod plain;
mod reference;
mod room;
mod row;
mod serve;

pub use exposition::{Scraped, Seen};
pub use logged::{Lines, Logged};
pub use observation::Observation;
pub use of_run::run_metrics;
pub use plain::plain;
pub use reference::reference;
pub use room::MOST_SERIES;
pub use serve::{CONTENT_TYPE, PLAIN_TYPE, Source, listen, serve};

#[cfg(test)]
mod tests;
