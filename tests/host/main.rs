//! The host ring: real processes, real cgroups, real network namespaces; root, one thread.

mod command;
mod double;
mod freezer;
mod keeper;
mod net;
mod stage;
mod target;
mod undo;
