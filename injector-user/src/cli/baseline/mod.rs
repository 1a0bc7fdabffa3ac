//! `temblor baseline`: what is natural for a target, kept and compared with.

mod file;
mod verb;

pub(super) use file::read;
pub(super) use verb::{BaselineArgs, run};
