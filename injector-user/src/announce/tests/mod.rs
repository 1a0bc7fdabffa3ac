//! Announcements against servers that do not always take them.

mod announcing;
mod bodies;
mod delivery;
mod fixture;
mod watching;
