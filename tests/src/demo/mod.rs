//! The demo: faults on a real Redis, told and proved as they happen.
//!
//! It must never change the host outside its own namespaces, cgroups and run folder, and puts those
//! back however it ends: everything it makes is a value that undoes itself. It fails with a report
//! that says what was not as expected.

mod acts;
mod book;
mod cli;
mod client;
mod containers;
#[expect(clippy::module_inception, reason = "the one value every act gets")]
mod demo;
mod elsewhere;
mod encore;
mod figures;
mod gauge;
mod guest;
mod interrupt;
mod narrator;
mod report;
mod run;
mod series;
mod server;
mod shift;
mod stage;
mod tape;
mod temblor;

pub use cli::run;
pub(crate) use server::Server;
