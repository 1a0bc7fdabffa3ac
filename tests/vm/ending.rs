//! How a fault ends that acts.

use anyhow::Result;
use nix::sys::signal::Signal;
use temblor_tests::{Armed, Client, Engine, signal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Somebody stops it.
    Stop,
    /// Who asked for it goes away.
    Leave,
    /// Its time is up.
    Deadline,
    /// SIGKILL of the engine.
    Kill,
    /// SIGSTOP of the engine.
    Suspend,
}

impl Ending {
    pub(crate) const ALL: [Self; 5] = [
        Self::Stop,
        Self::Leave,
        Self::Deadline,
        Self::Kill,
        Self::Suspend,
    ];

    /// The fault's, from when it acts.
    pub(crate) fn duration(self) -> &'static str {
        if self == Self::Deadline { "8s" } else { "10m" }
    }

    /// Brings it about; a client that is kept ends nothing.
    pub(crate) fn bring(
        self,
        engine: &Engine,
        mut client: Client,
        armed: &Armed,
    ) -> Result<Option<Client>> {
        match self {
            Self::Stop => {
                client.stop_one(armed)?;
            }
            Self::Leave => return Ok(None),
            Self::Deadline => {}
            Self::Kill => signal(engine.pid(), Signal::SIGKILL)?,
            Self::Suspend => signal(engine.pid(), Signal::SIGSTOP)?,
        }
        Ok(Some(client))
    }
}
