//! A target and a sibling in one namespace, and what either feels.

use std::net::SocketAddr;

use anyhow::Result;
use injector_core::fault::Kind;
use temblor_tests::{Actor, Armed, Client, params};

use crate::stage::Stage;

/// Questions that are asked where every answer counts.
pub(super) const ASKED: u32 = 5;

/// Silence after which an answer is lost.
pub(super) const PATIENCE_MS: u64 = 400;

/// What a delay of the tests adds to a way.
pub(super) const LATENCY: &str = "60ms";
pub(super) const LATENCY_US: u64 = 60_000;

/// A target and a sibling that share the client's namespace.
pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) sibling: Actor,
    pub(super) engine: Client,
}

impl Scene {
    pub(super) fn set() -> Result<Self> {
        let stage = Stage::set()?;
        Ok(Self {
            sibling: Actor::start_in(&stage.world.client.netns)?,
            engine: stage.engine.client()?,
            stage,
        })
    }

    pub(super) fn target(&self) -> String {
        format!("pid:{}", self.stage.client.pid())
    }

    pub(super) fn lose(&mut self, target: &str, direction: &str) -> Result<Armed> {
        let given = [
            ("target", target),
            ("duration", "60s"),
            ("direction", direction),
        ];
        self.engine.arm(Kind::NetLoss, &params(given))
    }

    pub(super) fn delay(&mut self, target: &str, direction: &str) -> Result<Armed> {
        let given = [
            ("target", target),
            ("duration", "60s"),
            ("direction", direction),
            ("latency", LATENCY),
        ];
        self.engine.arm(Kind::NetDelay, &params(given))
    }

    pub(super) fn close(self) -> Result<()> {
        let Self {
            stage,
            sibling,
            engine,
        } = self;
        drop((sibling, engine));
        stage.close()
    }
}

/// All answers came, none later than half of what a delay would add.
pub(super) fn check_untouched(times: &[Option<u64>], what: &str) {
    let soon = |time: &Option<u64>| time.is_some_and(|us| us < LATENCY_US / 2);
    assert!(times.iter().all(soon), "{what}: {times:?}");
}

/// All answers came, this many latencies late.
pub(super) fn check_delayed(times: &[Option<u64>], ways: u64, what: &str) {
    let within = LATENCY_US * ways * 9 / 10..LATENCY_US * (ways + 1);
    let late = |time: &Option<u64>| time.is_some_and(|us| within.contains(&us));
    assert!(times.iter().all(late), "{what}: {times:?}");
}

/// No answer came.
pub(super) fn check_lost(times: &[Option<u64>], what: &str) {
    assert!(times.iter().all(Option::is_none), "{what}: {times:?}");
}

pub(super) fn udp(actor: &mut Actor, to: SocketAddr) -> Result<Vec<Option<u64>>> {
    actor.udp_times_within(to, ASKED, PATIENCE_MS)
}

/// For what is lost, which takes its time.
pub(super) fn briefly(actor: &mut Actor, to: SocketAddr) -> Result<Vec<Option<u64>>> {
    actor.udp_times_within(to, 2, 100)
}

pub(super) const DIRECTIONS: [(&str, u64); 3] = [("out", 1), ("in", 1), ("both", 2)];
