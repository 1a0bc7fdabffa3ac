//! `temblor plan`: what would be done, and how often.

mod count;
mod verb;

pub(super) use count::{COUNT_FOR, arg};
pub(super) use verb::{PlanArgs, run};
