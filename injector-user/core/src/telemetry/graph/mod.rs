//! Who talks to whom: what the ends that were observed say, put together.

mod joined;
mod link;
mod service;
#[cfg(test)]
mod tests;

pub use link::{Exchange, Link, Role, Transport, links};
pub use service::{Edge, Graph, Node, NodeKind};
