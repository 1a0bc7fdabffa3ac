//! What is shown: from samples and keys alone.

mod board;
mod keys;
mod sheet;
mod sheets;
mod state;
mod usage;
mod view;

pub(super) use board::{Board, Vitals};
pub(super) use keys::Wish;
pub(super) use sheet::{Column, Mood, Row, Sheet};
pub(super) use sheets::{disks, peers};
pub(super) use state::{Bond, Model, News, Sample};
pub(super) use usage::Usage;
pub(super) use view::View;
