//! The engine's socket under people who misuse it, while a fault acts and others ask.
//!
//! Nothing here is timed. That a fault acted throughout is said by its own counters: an event that met
//! a lease that had run out would be counted as expired.

mod crowd;
mod dying;
mod lines;
mod long;
mod scene;
mod silent;
