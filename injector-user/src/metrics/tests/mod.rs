//! What is exposed, and what is deployed to make something of it.

mod deployed;
mod exposition;
mod observation;

pub(super) use exposition::{promtool, samples};
