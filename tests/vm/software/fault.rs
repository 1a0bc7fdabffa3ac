//! A fault of system calls, and the engine that makes it.

use anyhow::Result;
use injector_core::fault::Kind;
use injector_user::protocol::FaultReport;
use temblor_tests::{Armed, Client, Engine, params};

/// Acts until it is ended.
#[derive(Debug)]
pub(super) struct Fault {
    engine: Engine,
    client: Client,
    armed: Armed,
}

impl Fault {
    /// Lets the calls fail, for longer than anything here takes.
    pub(super) fn begin(given: &[(&str, &str)]) -> Result<Self> {
        Self::of(Kind::SyscallError, given)
    }

    /// The same with another fault.
    pub(super) fn of(kind: Kind, given: &[(&str, &str)]) -> Result<Self> {
        let engine = Engine::start()?;
        let mut client = engine.client()?;
        let given = [("duration", "30m")].into_iter().chain(given.to_vec());
        let armed = client.arm(kind, &params(given))?;
        Ok(Self {
            engine,
            client,
            armed,
        })
    }

    /// Ends it, and its engine; what it counted.
    pub(super) fn end(mut self) -> Result<FaultReport> {
        let report = self.client.stop_one(&self.armed)?;
        drop(self.client);
        self.engine.end()?;
        Ok(report)
    }
}
