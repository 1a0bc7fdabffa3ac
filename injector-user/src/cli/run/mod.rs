//! `temblor run`: an experiment from its hypothesis to its report.

mod given;
mod host;
mod journal;
mod progress;
mod session;
mod strategy;
mod unfinished;
mod verb;
mod watching;

pub(super) use verb::{Run, run};
