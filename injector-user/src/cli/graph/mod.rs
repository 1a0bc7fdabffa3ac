//! `temblor graph`: who talks to whom.

mod dot;
mod text;
mod verb;

pub(super) use verb::{GraphArgs, run};
