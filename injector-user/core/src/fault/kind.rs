//! The names of the faults.

use crate::words::words;

/// Which fault: `<what>.<suffers>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    NetLoss,
    NetDelay,
    SockError,
    ProcessFreeze,
    ProcessSignal,
}

words!(Kind, "a fault", {
    NetLoss => "net.loss",
    NetDelay => "net.delay",
    SockError => "sock.error",
    ProcessFreeze => "process.freeze",
    ProcessSignal => "process.signal",
});

impl Kind {
    /// One line for `--help`.
    pub fn summary(self) -> &'static str {
        match self {
            Self::NetLoss => "drop packets silently, as a bad line does",
            Self::NetDelay => "hold packets back for a while, as a long line does",
            Self::SockError => "let connect, bind, sendmsg or socket fail with an errno",
            Self::ProcessFreeze => "freeze all processes of a cgroup in pulses",
            Self::ProcessSignal => {
                "send a signal to all processes of the target, once or in rounds"
            }
        }
    }
}
