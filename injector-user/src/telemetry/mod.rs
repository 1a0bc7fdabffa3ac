//! What targets feel, as the kernel knows it without anybody's cooperation.

mod event_log;
mod sockets;

pub use event_log::{EventLog, PAGE, Page};
pub use sockets::{SocketTime, round_trips};
