//! What targets feel, as the kernel knows it without anybody's cooperation.

mod sockets;

pub use sockets::{SocketTime, round_trips};
