//! Faults that tell the person in front what becomes of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use injector_core::fault::FaultSpec;
use injector_core::units::format_duration;
use serde_json::Value;

use crate::cli::out::Out;
use crate::client::{ClientError, EngineFaults};
use crate::runner::{Armed, FaultError, Faults, Snapshot};

/// The engine's faults, or none for an experiment that has none, with a line for each change.
#[derive(Debug)]
pub(super) struct Told {
    out: Out,
    engine: Option<EngineFaults>,
    /// What the experiment calls them.
    names: Mutex<BTreeMap<String, String>>,
}

impl Told {
    pub(super) fn new(out: Out, engine: Option<EngineFaults>) -> Self {
        Self {
            out,
            engine,
            names: Mutex::default(),
        }
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engine(&self) -> Result<&EngineFaults, FaultError> {
        let engine = self.engine.as_ref();
        engine.ok_or_else(|| FaultError::from(ClientError::Gone))
    }
}

impl Faults for Told {
    async fn plan(&self, fault: &FaultSpec) -> Result<Value, FaultError> {
        self.engine()?.plan(fault).await
    }

    async fn arm(&self, name: &str, fault: &FaultSpec) -> Result<Armed, FaultError> {
        let armed = self.engine()?.arm(name, fault).await?;
        self.names().insert(armed.id.clone(), name.to_owned());
        let lasts = format_duration(fault.common.delay + fault.common.duration);
        let (kind, target) = (fault.kind(), &fault.target);
        self.out
            .note(&format!("{name}: {kind} on {target} for {lasts} at most"));
        Ok(armed)
    }

    async fn snapshot(&self, id: &str) -> Result<Snapshot, FaultError> {
        self.engine()?.snapshot(id).await
    }

    async fn stop(&self, id: &str) -> Result<Snapshot, FaultError> {
        let stopped = self.engine()?.stop(id).await?;
        let injected = stopped.counters.injected;
        let name = self.names().remove(id);
        if let Some(name) = name {
            self.out
                .note(&format!("{name}: ended, {injected} injected"));
        }
        Ok(stopped)
    }

    async fn kill(&self) -> Result<(), FaultError> {
        self.out
            .note(&self.out.aside.bad("every fault is switched off"));
        self.engine()?.kill().await
    }
}
