//! The ring that needs root and this host's own kernel. Every test proves that what it did is gone.

mod command;
mod delay;
mod doctor;
mod double;
mod engine;
mod freeze;
mod freezer;
mod input;
mod keeper;
mod net;
mod safety;
mod sock;
mod stage;
mod target;
mod undo;
