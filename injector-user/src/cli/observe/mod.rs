//! `temblor observe`: what targets feel, for a while.

mod csv;
mod text;
mod verb;

pub(super) use verb::{Observe, observe, run, wait};
