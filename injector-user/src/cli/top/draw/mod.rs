//! The screen, of any size.

mod columns;
mod detail;
mod help;
mod lines;
mod paint;
mod screen;
mod table;

pub(super) use paint::Paint;
pub(super) use screen::draw;
