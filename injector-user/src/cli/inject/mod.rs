//! `temblor inject`: one fault, from the command line.

mod child;
mod guard;
mod terminal;
mod verb;
mod watch;

pub(super) use verb::{Inject, run, verdict};
pub(super) use watch::Watch;
