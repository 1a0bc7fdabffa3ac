//! `temblor top`: what targets feel, live on a terminal.
//!
//! `feed` asks the engine, `model` knows what is shown and what keys mean, `draw` puts it on a screen of
//! any size. The model and what is drawn depend on nothing but what they are given.

mod draw;
mod feed;
mod model;
mod terminal;
#[cfg(test)]
mod tests;
mod verb;

pub(super) use verb::{TopArgs, run};
