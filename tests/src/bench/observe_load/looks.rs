//! Who looks meanwhile.

use anyhow::Result;
use injector_core::target::Selector;
use injector_core::telemetry::Signal;
use injector_user::observer::Wanted;

use super::super::peer::{HISTOGRAM, Peer};
use crate::client::Client;
use crate::engine::Engine;

/// How work is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Everything,
    Calls,
    Syscount,
    Bpftrace,
    Execsnoop,
    Exitsnoop,
}

impl Look {
    pub(super) const EACH_WORK: [Self; 4] = [
        Self::Everything,
        Self::Calls,
        Self::Syscount,
        Self::Bpftrace,
    ];
    pub(super) const OF_PROCESSES: [Self; 2] = [Self::Execsnoop, Self::Exitsnoop];

    /// What a peer is called; none for ours.
    pub(super) fn peer(self) -> Option<&'static str> {
        match self {
            Self::Everything | Self::Calls => None,
            Self::Syscount => Some("syscount -L"),
            Self::Bpftrace => Some("a histogram by bpftrace"),
            Self::Execsnoop => Some("execsnoop"),
            Self::Exitsnoop => Some("exitsnoop"),
        }
    }

    /// Begins to look; none where a peer is not installed, or does not come up.
    pub(super) fn begin(self, engine: &Engine, at: &[Selector]) -> Result<Option<Looking>> {
        let peer = match self {
            Self::Everything => return ours(engine, at, Signal::ALL).map(Some),
            Self::Calls => return ours(engine, at, &[Signal::Syscalls]).map(Some),
            Self::Syscount => Peer::start("syscount", &["-L", "-d", "600"], 2)?,
            Self::Bpftrace => Peer::start("bpftrace", &["-e", HISTOGRAM], 2)?,
            Self::Execsnoop => Peer::start("execsnoop", &[], 2)?,
            Self::Exitsnoop => Peer::start("exitsnoop", &[], 1)?,
        };
        Ok(peer.map(Looking::Peer))
    }
}

/// Somebody who looks; ends with this value.
pub(super) enum Looking {
    Ours(Client),
    Peer(Peer),
}

impl Looking {
    pub(super) fn end(self) {
        match self {
            Self::Ours(client) => drop(client),
            Self::Peer(peer) => drop(peer),
        }
    }
}

/// The busiest cgroups that are looked at, too.
const TOP: usize = 10;

fn ours(engine: &Engine, at: &[Selector], signals: &[Signal]) -> Result<Looking> {
    let mut client = engine.client()?;
    let targets = at.iter().cloned().chain([Selector::Host]);
    client.observe(Wanted {
        targets: targets.collect(),
        signals: signals.iter().copied().collect(),
        top: TOP,
    })?;
    Ok(Looking::Ours(client))
}
