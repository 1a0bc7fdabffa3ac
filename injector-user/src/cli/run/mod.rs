//! `temblor run`: an experiment from its hypothesis to its report.

mod host;
mod progress;
mod verb;

pub(super) use verb::{Run, run};
