//! An engine in memory that keeps a log. Its faults inject one event per virtual millisecond.

use std::sync::Mutex;
use std::time::Duration;

use injector_core::fault::FaultSpec;
use injector_core::proof::Counters;
use injector_core::report::{EndReason, Undo};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::runner::{Armed, End, FaultError, FaultErrorClass, Faults, Snapshot};

/// The engine.
#[derive(Debug, Default)]
pub(super) struct Fake {
    pub(super) faults: Mutex<Vec<Fault>>,
    pub(super) log: Mutex<Vec<String>>,
    /// How long arming takes.
    pub(super) arming: Duration,
    /// Refuses to plan and to arm.
    pub(super) refuses: Option<FaultErrorClass>,
    /// Plans, and then does not arm.
    pub(super) cannot_arm: Option<FaultErrorClass>,
    /// Cannot put back what it changed.
    pub(super) leaves: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct Fault {
    armed: Instant,
    lasts: Duration,
    stopped: Option<Duration>,
    killed: Option<Duration>,
}

impl Fault {
    /// When it ended by itself or was stopped, and why.
    fn end(&self) -> Option<(Duration, EndReason)> {
        let natural =
            (self.armed.elapsed() >= self.lasts).then_some((self.lasts, EndReason::Duration));
        let stopped = self.stopped.map(|at| (at, EndReason::Stopped));
        [natural, stopped]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }
}

impl Fake {
    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn note(&self, words: String) {
        self.log.lock().unwrap().push(words);
    }

    /// Faults nobody has stopped.
    pub(super) fn armed_now(&self) -> usize {
        self.faults
            .lock()
            .unwrap()
            .iter()
            .filter(|fault| fault.stopped.is_none())
            .count()
    }

    fn look(&self, id: &str) -> Snapshot {
        let (end, elapsed, killed) = {
            let fault = &self.faults.lock().unwrap()[id.parse::<usize>().unwrap()];
            (fault.end(), fault.armed.elapsed(), fault.killed)
        };
        let acted = [Some(elapsed), end.map(|(at, _)| at), killed]
            .into_iter()
            .flatten()
            .min();
        let injected = u64::try_from(acted.unwrap_or_default().as_millis()).unwrap();
        let undo = self.leaves.map_or(Undo::Verified, |what| Undo::Incomplete {
            what: what.to_owned(),
        });
        Snapshot {
            counters: Counters {
                matched: injected,
                eligible: injected,
                injected,
                ..Counters::default()
            },
            end: end.map(|(after, reason)| End {
                reason,
                after,
                undo,
            }),
            ..Snapshot::default()
        }
    }
}

impl Faults for Fake {
    async fn plan(&self, _: &FaultSpec) -> Result<Value, FaultError> {
        match self.refuses {
            Some(class) => Err(FaultError::new(class, "no such thing here")),
            None => Ok(Value::Null),
        }
    }

    async fn arm(&self, name: &str, fault: &FaultSpec) -> Result<Armed, FaultError> {
        tokio::time::sleep(self.arming).await;
        if let Some(class) = self.refuses.or(self.cannot_arm) {
            return Err(FaultError::new(class, "no such thing here"));
        }
        let params = fault.to_params();
        let strength = params
            .get("latency")
            .or(params.get("probability"))
            .cloned()
            .unwrap_or_default();
        self.note(format!("arm {name} {strength}").trim().to_owned());
        let lasts = fault.common.delay + fault.common.duration;
        let mut faults = self.faults.lock().unwrap();
        faults.push(Fault {
            armed: Instant::now(),
            lasts,
            stopped: None,
            killed: None,
        });
        let id = (faults.len() - 1).to_string();
        drop(faults);
        Ok(Armed {
            id,
            plan: json!({ "mechanism": "make-believe" }),
            seed: Some(7),
        })
    }

    async fn snapshot(&self, id: &str) -> Result<Snapshot, FaultError> {
        Ok(self.look(id))
    }

    async fn stop(&self, id: &str) -> Result<Snapshot, FaultError> {
        tokio::time::sleep(Duration::from_millis(2)).await;
        self.note(format!("stop {id}"));
        let index = id.parse::<usize>().unwrap();
        let stop = |fault: &mut Fault| fault.stopped = Some(fault.armed.elapsed());
        stop(&mut self.faults.lock().unwrap()[index]);
        Ok(self.look(id))
    }

    async fn kill(&self) -> Result<(), FaultError> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.note("kill".to_owned());
        for fault in self
            .faults
            .lock()
            .unwrap()
            .iter_mut()
            .filter(|fault| fault.stopped.is_none())
        {
            fault.killed.get_or_insert(fault.armed.elapsed());
        }
        Ok(())
    }
}
