//! Every injection of the faults that somebody follows, kept until it has been read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::running::{Client, Effect, Running};
use super::state::{Engine, unknown};
use crate::clock::monotonic_ns;
use crate::loader::Injection;
use crate::protocol::{Answer, Failure, FaultReport};
use crate::telemetry::{EventLog, Page};

/// What is told of one fault, by whoever injects, and read by whoever follows.
#[derive(Clone, Debug)]
pub(super) struct Log {
    told: Arc<Mutex<Told>>,
}

#[derive(Debug)]
struct Told {
    events: EventLog<Injection>,
    /// Events before this number were only counted.
    real_from: u64,
}

impl Log {
    pub(super) fn new(rehearses: bool) -> Self {
        let told = Told {
            events: EventLog::default(),
            real_from: if rehearses { u64::MAX } else { 0 },
        };
        Self {
            told: Arc::new(Mutex::new(told)),
        }
    }

    /// What is told from now on is done.
    pub(super) fn act(&self) {
        let mut told = self.lock();
        told.real_from = told.events.count();
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        // The queue is whole between any two statements.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn page(&self, after: u64, lost: impl FnOnce(&Page<Injection>) -> Option<u64>) -> Answer {
        let mut told = self.lock();
        let page = told.events.page(after);
        let real_from = told.real_from;
        drop(told);
        Answer::Events {
            lost: lost(&page),
            events: page.events,
            next: page.next,
            real_from,
        }
    }

    /// Tells of an injection outside the kernel, now.
    pub(super) fn tell(&self, stream: u64, hit: u64) {
        let at_ns = monotonic_ns();
        self.lock().events.push(Injection {
            at_ns,
            hook: 0,
            hit,
            stream,
        });
    }
}

/// The logs of faults that have ended, until their client has read them or gone.
#[derive(Debug, Default)]
pub(super) struct EndedLogs {
    by_fault: BTreeMap<String, (Option<Client>, Log, u64)>,
}

impl EndedLogs {
    pub(super) fn disown(&mut self, client: Client) {
        self.by_fault
            .retain(|_fault, (owner, ..)| owner.is_some_and(|owner| owner != client));
    }
}

impl Engine {
    /// Whether somebody follows a fault.
    pub(super) fn is_followed(&self) -> bool {
        self.faults.values().any(|running| running.log.is_some())
    }

    /// Takes what the kernel has told since the last time, before its buffer is full.
    pub(super) fn drain_events(&self) {
        for running in self.faults.values() {
            self.drain(running);
        }
    }

    pub(super) fn drain(&self, running: &Running) {
        if let (Some(log), Effect::Kernel(armed)) = (&running.log, &running.effect) {
            let mut told = log.lock();
            for event in self.kernel.take_events(armed) {
                told.events.push(event);
            }
        }
    }

    /// The events of a fault from number `after` on.
    pub(super) fn events(&self, id: &str, after: u64) -> Result<Answer, Failure> {
        if let Some(running) = self.faults.get(id) {
            self.drain(running);
            let log = running.log.as_ref().ok_or_else(|| unknown(id))?;
            return Ok(log.page(after, |_page| None));
        }
        let ended = self.ended_logs.by_fault.get(id);
        let (_owner, log, lost) = ended.ok_or_else(|| unknown(id))?;
        Ok(log.page(after, |page| page.all.then_some(*lost)))
    }

    /// Keeps the log of a fault that has ended; what was injected and not told is lost.
    pub(super) fn end_log(
        &mut self,
        id: &str,
        client: Option<Client>,
        log: Log,
        report: &mut FaultReport,
    ) {
        let (told, dropped) = {
            let told = log.lock();
            let rehearsed = if report.rehearsal { 0 } else { told.real_from };
            let count = told.events.count().saturating_sub(rehearsed);
            (count, told.events.dropped())
        };
        let lost = report.counters.injected.saturating_sub(told) + dropped;
        report.events_lost = Some(lost);
        if lost > 0 {
            report
                .warnings
                .push(format!("{lost} events came too fast to be logged"));
        }
        let ended = (client, log, lost);
        self.ended_logs.by_fault.insert(id.to_owned(), ended);
    }
}
