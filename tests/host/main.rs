//! The ring that needs root and this host's own kernel. Every test proves that what it did is gone.

mod command;
mod double;
mod freezer;
mod keeper;
mod target;
mod undo;
