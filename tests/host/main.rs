//! The ring that needs root and this host's own kernel. Every test proves that what it did is gone.
#![expect(
    clippy::type_complexity,
    reason = "tables of cases are read where they stand"
)]

mod announce;
mod bustle;
mod calls;
mod command;
mod compose;
mod container;
mod crash;
mod deathwatch;
mod delay;
mod doctor;
mod double;
mod engine;
mod feel;
mod freeze;
mod freezer;
mod graph;
mod hardship;
mod input;
mod interrupt;
mod keeper;
mod limit;
mod limited;
mod lockout;
mod logs;
mod net;
mod observe;
mod packets;
mod partition;
mod pressure;
mod preview;
mod prometheus;
mod refused;
mod rehearsal;
mod replay;
mod safety;
mod seccomp;
mod second_chance;
mod shared;
mod signal;
mod sleep;
mod sock;
mod stage;
mod statistics;
mod status;
mod target;
mod target_selectors;
mod toolkit;
mod top;
mod undo;
mod unfinished;
