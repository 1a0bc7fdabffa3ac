//! Groups of what can be observed: each is attached as a whole, while somebody asks for it.

use crate::words::words;

/// One group of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    Syscalls,
    Tcp,
    Udp,
    Dns,
    Block,
    Scheduler,
    Resources,
    Life,
}

words!(Signal, "a signal", {
    Syscalls => "syscalls",
    Tcp => "tcp",
    Udp => "udp",
    Dns => "dns",
    Block => "block",
    Scheduler => "scheduler",
    Resources => "resources",
    Life => "life",
});
