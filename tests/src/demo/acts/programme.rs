//! The acts in their order.

use anyhow::Result;

use super::{breaker, delay, freeze, kill_freeze, kill_net, loss, refuse};
use crate::demo::demo::Demo;

/// One act.
#[derive(Clone, Copy, Debug)]
pub(in crate::demo) struct Act {
    /// What the report calls it.
    pub(in crate::demo) name: &'static str,
    /// What happens, and to whom.
    pub(in crate::demo) title: &'static str,
    pub(in crate::demo) play: fn(&mut Demo) -> Result<()>,
}

/// All of them.
pub(in crate::demo) const ACTS: [Act; 7] = [
    Act {
        name: "delay",
        title: "Everything client A sends takes 20 ms ± 5 ms longer",
        play: delay::play,
    },
    Act {
        name: "loss",
        title: "30 % of the packets client A sends are lost",
        play: loss::play,
    },
    Act {
        name: "refusal",
        title: "30 % of client A's new connections are refused",
        play: refuse::play,
    },
    Act {
        name: "freeze",
        title: "The replica that only client A reads from stands still, four times",
        play: freeze::play,
    },
    Act {
        name: "breaker",
        title: "An experiment goes too far, and its circuit breaker ends it",
        play: breaker::play,
    },
    Act {
        name: "kill in delay and loss",
        title: "The engine is killed (SIGKILL) while it delays and loses client A's packets",
        play: kill_net::play,
    },
    Act {
        name: "kill in a freeze",
        title: "The engine is killed (SIGKILL) while it keeps the replica frozen",
        play: kill_freeze::play,
    },
];
