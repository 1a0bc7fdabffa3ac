//! `temblor logs`: what a target logs, and while which fault.

mod show;
mod verb;

pub(super) use verb::{LogsArgs, run};
