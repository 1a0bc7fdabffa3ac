//! One after the other, with an engine for all.

use anyhow::Result;

use super::super::row::Rows;
use super::super::suite::Effort;
use super::{quantiles, storms};
use crate::engine::Engine;

pub(in super::super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    Ok(vec![
        storms::calls(effort, &engine)?,
        storms::kinds(effort, &engine)?,
        storms::datagrams(effort, &engine)?,
        storms::processes(effort, &engine)?,
        quantiles::measure(effort, &engine)?,
    ])
}
