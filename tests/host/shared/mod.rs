//! Packets of one among several in a network namespace: whose they are is told by their socket.

mod endings;
mod hands;
mod router;
mod scene;
mod ways;
