//! An engine in memory that keeps a log. Its faults inject one event per virtual millisecond.

use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use injector_core::experiment::Observation;
use injector_core::fault::FaultSpec;
use injector_core::proof::Counters;
use injector_core::report::{EndReason, Undo};
use injector_core::telemetry::{
    Answer, Expression, FaultTimes, Frame, History, Moment, Series, Value, named,
};
use serde_json::json;
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
    /// What it has seen of `cgroup:/web`.
    pub(super) seen: Mutex<Seen>,
    /// From which second of looking on that is not there.
    pub(super) gone_from: Option<u64>,
    pub(super) origin: OnceLock<Instant>,
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
            times: Some(self.times(id.parse().unwrap())),
            end: end.map(|(after, reason)| End {
                reason,
                after,
                undo,
            }),
            ..Snapshot::default()
        }
    }
}

impl Fake {
    /// By a clock that begins with the first who looks at it.
    fn now_ns(&self, at: Instant) -> u64 {
        let origin = *self.origin.get_or_init(|| at);
        SECOND * 1_000 + u64::try_from((at - origin).as_nanos()).unwrap()
    }

    /// The first event is injected in the moment of arming.
    fn times(&self, index: usize) -> FaultTimes {
        let faults = self.faults.lock().unwrap();
        let fault = &faults[index];
        let armed = fault.armed;
        let ended = fault.end().map(|(after, _why)| armed + after);
        drop(faults);
        let moment = |at| Moment {
            at_ns: self.now_ns(at),
            unix_ns: self.now_ns(at),
        };
        FaultTimes {
            armed: moment(armed),
            injected: Some(moment(armed)),
            ended: ended.map(moment),
        }
    }

    /// Whether a fault acted at this moment.
    fn acted(&self, at: Instant) -> bool {
        let faults = self.faults.lock().unwrap();
        let acts = |fault: &Fault| {
            let ended = fault.end().map(|(after, _why)| fault.armed + after);
            fault.armed <= at && ended.is_none_or(|ended| at < ended)
        };
        faults.iter().any(acts)
    }

    /// A frame for each second that has passed: a hundred calls, of which forty fail under a fault.
    fn look_on(&self) {
        let seen = &mut *self.seen.lock().unwrap();
        let Some(began) = seen.began else { return };
        while began + Duration::from_secs(seen.seconds) <= Instant::now() {
            let at = began + Duration::from_secs(seen.seconds);
            let is_there = self.gone_from.is_none_or(|gone| seen.seconds < gone);
            if is_there && seen.seconds > 0 {
                seen.calls += 100;
                seen.failed += if self.acted(at) { 40 } else { 0 };
            }
            seen.seconds += 1;
            let frame = seen.frame(self.now_ns(at), is_there);
            seen.history.push(&frame).unwrap();
        }
    }
}

/// Frames that it gives at once.
const PAGE: usize = 3;
const SECOND: u64 = 1_000_000_000;
const WEB: &str = "cgroup:/web";

/// What was looked at.
#[derive(Debug, Default)]
pub(super) struct Seen {
    history: History,
    began: Option<Instant>,
    seconds: u64,
    calls: u64,
    failed: u64,
}

impl Seen {
    fn frame(&self, at_ns: u64, is_there: bool) -> Frame {
        let series = |metric: &str, labels: &[&str]| {
            let labels = labels.iter().map(|&label| label.to_owned()).collect();
            Series::of(named(metric).unwrap(), labels).unwrap()
        };
        let present = if is_there { 1.0 } else { 0.0 };
        let values = [
            ("target_present", &[WEB][..], Value::Now(present)),
            ("syscalls", &[WEB, "read"], Value::Count(self.calls)),
            (
                "syscall_errors",
                &[WEB, "read", "EIO"],
                Value::Count(self.failed),
            ),
        ];
        Frame {
            at_ns,
            unix_ns: at_ns,
            values: values
                .map(|(metric, labels, value)| (series(metric, labels), value))
                .into(),
        }
    }
}

impl Faults for Fake {
    async fn plan(&self, _: &FaultSpec) -> Result<serde_json::Value, FaultError> {
        match self.refuses {
            Some(class) => Err(FaultError::new(class, "no such thing here")),
            None => Ok(serde_json::Value::Null),
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

    async fn observe(&self, observation: &Observation) -> Result<u64, FaultError> {
        if observation.targets.iter().any(|one| one.to_string() != WEB) {
            return Err(FaultError::new(
                FaultErrorClass::Input,
                "nobody is called so",
            ));
        }
        self.note(format!("observe {observation}"));
        let now = self.now_ns(Instant::now());
        self.seen.lock().unwrap().began = Some(Instant::now());
        self.look_on();
        Ok(now)
    }

    async fn ask(&self, question: &Expression) -> Result<Answer, FaultError> {
        self.look_on();
        let seen = self.seen.lock().unwrap();
        Ok(question.measure(&seen.history, self.now_ns(Instant::now())))
    }

    async fn frames(&self, from_ns: u64) -> Result<Vec<Frame>, FaultError> {
        self.look_on();
        let seen = self.seen.lock().unwrap();
        Ok(seen.history.between(from_ns, u64::MAX).take(PAGE).collect())
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
