//! `temblor top` on a real terminal.

mod live;
mod pane;
