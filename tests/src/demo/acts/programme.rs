//! The acts in their order.

use anyhow::Result;
use injector_user::clock::monotonic_ns;

use super::{
    breaker, container_delay, container_kill, container_restart, delay, freeze, full, kill_freeze,
    kill_net, loss, refuse,
};
use crate::demo::demo::Demo;

/// One act.
#[derive(Clone, Copy, Debug)]
pub(in crate::demo) struct Act {
    /// What the report calls it.
    name: &'static str,
    /// What happens, and to whom.
    title: &'static str,
    play: fn(&mut Demo) -> Result<()>,
}

impl Act {
    /// Plays it and puts it down.
    pub(in crate::demo) fn perform(&self, demo: &mut Demo, number: usize) -> Result<()> {
        let Self { name, title, play } = *self;
        demo.act = name;
        demo.narrator.title(format!("{number}  {title}"));
        let from_ns = monotonic_ns();
        let failed = demo.book.failed();
        let outcome = play(demo);
        let failed = outcome.is_err() || demo.book.failed() > failed;
        demo.book.act(name, from_ns, failed);
        outcome
    }
}

/// Those on the first stage.
pub(in crate::demo) const ACTS: [Act; 8] = [
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
    Act {
        name: "disk full",
        title: "A Redis that Temblor starts cannot write to its file after a while",
        play: full::play,
    },
];

/// Those that follow in containers.
pub(in crate::demo) const IN_CONTAINERS: [Act; 3] = [
    Act {
        name: "delay of a container",
        title: "Everything the Redis container sends takes 20 ms longer",
        play: container_delay::play,
    },
    Act {
        name: "restart of a container",
        title: "The container is restarted while it is delayed",
        play: container_restart::play,
    },
    Act {
        name: "kill beside a container",
        title: "The engine is killed (SIGKILL) while it delays the container",
        play: container_kill::play,
    },
];
