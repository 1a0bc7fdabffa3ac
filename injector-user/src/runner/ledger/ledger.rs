//! The ledger itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use injector_core::experiment::Measure;
use injector_core::fault::FaultSpec;
use injector_core::report::{EndReason, Undo};
use injector_core::safety::weakened;
use injector_core::telemetry::FaultTimes;
use serde_json::Value;

use super::record::{self, Entry, Request};
use super::under_way::UnderWay;
use crate::runner::clock::Clock;
use crate::runner::event::{Event, Events};
use crate::runner::faults::{Armed, FaultError, FaultErrorClass, Faults, Snapshot};

/// The faults of one run.
#[derive(Debug)]
pub(in crate::runner) struct Ledger<F> {
    faults: Arc<F>,
    clock: Clock,
    events: Events,
    book: Mutex<Book>,
    under_way: UnderWay,
}

#[derive(Debug, Default)]
struct Book {
    armed: Vec<Entry>,
    /// Switched off by a breaker that may close again.
    waiting: Vec<Request>,
    /// Breakers that are open.
    open: BTreeSet<String>,
    /// No fault is armed any more.
    closed: bool,
    /// When those that have ended did what, with their names.
    ended: Vec<(String, FaultTimes)>,
}

/// Whether a fault may be armed.
#[derive(Debug, Clone, Copy)]
enum Gate {
    Open,
    /// A breaker is open; the fault is remembered.
    Waits,
    Closed,
}

impl<F: Faults> Ledger<F> {
    pub(in crate::runner) fn new(faults: Arc<F>, clock: Clock, events: Events) -> Self {
        Self {
            faults,
            clock,
            events,
            book: Mutex::default(),
            under_way: UnderWay::new(),
        }
    }

    /// Who arms for it.
    pub(in crate::runner) fn faults(&self) -> &F {
        &self.faults
    }

    /// The faults that have ended, as far as it is known when they did what.
    pub(in crate::runner) fn ended(&self) -> Vec<(String, FaultTimes)> {
        self.book().ended.clone()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics while it is held.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::runner) async fn plan(&self, fault: &FaultSpec) -> Result<Value, FaultError> {
        self.faults.plan(fault).await
    }

    /// Arms a fault. While a breaker is open it waits, and is armed when the breaker tries again.
    pub(in crate::runner) async fn arm(
        self: &Arc<Self>,
        name: &str,
        fault: &FaultSpec,
    ) -> Result<Value, FaultError> {
        let until = self.clock.elapsed() + fault.common.delay + fault.common.duration;
        let request = Request {
            name: name.to_owned(),
            fault: fault.clone(),
            until,
        };
        match self.admit(&request) {
            Gate::Closed => {
                return Err(FaultError::new(
                    FaultErrorClass::Failed,
                    "the experiment is ending",
                ));
            }
            Gate::Waits => {
                return Ok(Value::String(
                    "waits for the circuit breaker to close".to_owned(),
                ));
            }
            Gate::Open => {}
        }
        let (ledger, fault) = (Arc::clone(self), fault.clone());
        self.shielded(async move { ledger.arm_now(request, fault, 1.0).await })
            .await?
    }

    fn admit(&self, request: &Request) -> Gate {
        let mut book = self.book();
        if book.closed {
            return Gate::Closed;
        }
        if book.open.is_empty() {
            return Gate::Open;
        }
        book.waiting.push(request.clone());
        Gate::Waits
    }

    /// Does the work to its end even if nobody waits for it any more.
    async fn shielded<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, FaultError> {
        let begun = self.under_way.begin();
        let task = tokio::spawn(async move {
            let done = work.await;
            drop(begun);
            done
        });
        task.await.map_err(|error| {
            FaultError::new(
                FaultErrorClass::Failed,
                format!("the work was cut short: {error}"),
            )
        })
    }

    async fn arm_now(
        self: Arc<Self>,
        request: Request,
        asked: FaultSpec,
        intensity: f64,
    ) -> Result<Value, FaultError> {
        let Armed { id, plan, seed } = match self.faults.arm(&request.name, &asked).await {
            Ok(armed) => armed,
            Err(error) => {
                let record = record::refused(&request.name, &asked, intensity, &error);
                self.events.tell(Event::Fault(Box::new(record)));
                return Err(error);
            }
        };
        let mut asked = asked;
        asked.common.seed = asked.common.seed.or(seed);
        self.events.tell(Event::Armed {
            name: request.name.clone(),
            kind: asked.kind().to_string(),
            target: asked.target.to_string(),
            at_most: asked.common.delay + asked.common.duration,
        });
        let armed_at = self.clock.elapsed();
        let entry = Entry {
            request,
            id,
            plan: plan.clone(),
            asked,
            armed_at,
            intensity,
        };
        if !self.enter(&entry) {
            self.end(entry, EndReason::Breaker).await;
        }
        Ok(plan)
    }

    /// Puts an armed fault into the book, unless a breaker or the end was faster.
    fn enter(&self, entry: &Entry) -> bool {
        let mut book = self.book();
        let in_time = !book.closed && book.open.is_empty();
        if in_time {
            book.armed.push(entry.clone());
        } else if !book.closed {
            book.waiting.push(entry.request.clone());
        }
        in_time
    }

    /// Ends a fault by its name. Whether there was one.
    pub(in crate::runner) async fn stop(self: &Arc<Self>, name: &str) -> bool {
        let (found, waited) = {
            let mut book = self.book();
            let waiting = book.waiting.len();
            book.waiting.retain(|request| request.name != name);
            let found: Vec<Entry> = book
                .armed
                .extract_if(.., |entry| entry.request.name == name)
                .collect();
            (found, waiting != book.waiting.len())
        };
        let any = waited || !found.is_empty();
        self.end_all(found, EndReason::Stopped).await;
        any
    }

    /// Ends every fault, and lets none be armed any more.
    pub(in crate::runner) async fn close(self: &Arc<Self>, reason: EndReason) {
        let armed = {
            let mut book = self.book();
            book.closed = true;
            book.waiting.clear();
            std::mem::take(&mut book.armed)
        };
        self.end_all(armed, reason).await;
        // What is armed meanwhile finds the ledger closed and is ended by its own task.
        self.under_way.done().await;
    }

    /// Whether nothing is armed or about to be.
    pub(in crate::runner) fn is_idle(&self) -> bool {
        self.book().armed.is_empty() && self.under_way.is_nothing()
    }

    /// Lets no fault act, by the kill switch. The gate is closed before anything is awaited.
    pub(in crate::runner) async fn kill(&self, breaker: Option<&str>) -> Result<(), FaultError> {
        {
            let mut book = self.book();
            match breaker {
                Some(name) => drop(book.open.insert(name.to_owned())),
                None => book.closed = true,
            }
        }
        self.faults.kill().await?;
        self.events.tell(Event::Killed);
        Ok(())
    }

    /// Ends what a breaker switched off, and remembers it in case the breaker closes again. Whether
    /// everything was undone.
    pub(in crate::runner) async fn detach(self: &Arc<Self>) -> bool {
        let armed = {
            let mut book = self.book();
            let armed = std::mem::take(&mut book.armed);
            book.waiting
                .extend(armed.iter().map(|entry| entry.request.clone()));
            armed
        };
        self.end_all(armed, EndReason::Breaker).await
    }

    /// Arms again, weaker, what waited for this breaker, unless another one is open.
    pub(in crate::runner) async fn rearm(self: &Arc<Self>, breaker: &str, intensity: f64) {
        let waiting = {
            let mut book = self.book();
            book.open.remove(breaker);
            if book.closed || !book.open.is_empty() {
                Vec::new()
            } else {
                std::mem::take(&mut book.waiting)
            }
        };
        let now = self.clock.elapsed();
        for request in waiting {
            let Some(left) = request
                .until
                .checked_sub(now)
                .filter(|left| left.as_millis() > 0)
            else {
                continue;
            };
            let Some(mut weaker) = weakened(&request.fault, intensity) else {
                self.events.warn(format!(
                    "`{}` was not armed again: it has no weaker form",
                    request.name
                ));
                continue;
            };
            weaker.common.delay = Duration::ZERO;
            weaker.common.duration = left;
            let ledger = Arc::clone(self);
            let armed =
                self.shielded(async move { ledger.arm_now(request, weaker, intensity).await });
            if let Err(error) | Ok(Err(error)) = armed.await {
                self.events
                    .warn(format!("a fault was not armed again: {}", error.told()));
            }
        }
    }

    /// Waits until a fault has ended by itself; one that does not is left to the end of the method.
    pub(in crate::runner) async fn wait(self: &Arc<Self>, name: &str) {
        const POLL: Duration = Duration::from_millis(20);
        loop {
            let entry = self
                .book()
                .armed
                .iter()
                .rfind(|entry| entry.request.name == name)
                .cloned();
            let Some(entry) = entry else { return };
            let over = self.clock.elapsed() > entry.request.until + Duration::from_secs(1);
            let ended = match self.faults.snapshot(&entry.id).await {
                Ok(snapshot) => snapshot.end.is_some(),
                Err(_) => true,
            };
            if ended || over {
                let ended = self
                    .book()
                    .armed
                    .extract_if(.., |other| other.id == entry.id)
                    .collect();
                self.end_all(ended, EndReason::Duration).await;
                return;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// A measurement of a fault; one that is not armed has done nothing.
    pub(in crate::runner) async fn measure(
        &self,
        name: &str,
        measure: Measure,
    ) -> Result<f64, FaultError> {
        let entry = self
            .book()
            .armed
            .iter()
            .rfind(|entry| entry.request.name == name)
            .cloned();
        let Some(entry) = entry else { return Ok(0.0) };
        let snapshot = self.faults.snapshot(&entry.id).await?;
        let c = snapshot.counters;
        let float = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        Ok(match measure {
            Measure::Armed => f64::from(u8::from(snapshot.end.is_none())),
            Measure::Matched => float(c.matched),
            Measure::Eligible => float(c.eligible),
            Measure::Expired => float(c.expired),
            Measure::Outside => float(c.outside),
            Measure::Injected => float(c.injected),
            Measure::Passed => float(c.passed),
            Measure::Rate => float(c.injected) / float(c.eligible.max(1)),
            Measure::Felt => snapshot.felt.map_or(0.0, |felt| felt.during_us / 1e3),
        })
    }

    /// Ends faults together: the last one is not kept waiting by the first.
    async fn end_all(self: &Arc<Self>, entries: Vec<Entry>, reason: EndReason) -> bool {
        let end = |entry| {
            let (ledger, begun) = (Arc::clone(self), self.under_way.begin());
            tokio::spawn(async move {
                let clean = ledger.end(entry, reason).await;
                drop(begun);
                clean
            })
        };
        let endings: Vec<_> = entries.into_iter().map(end).collect();
        let mut clean = true;
        for ending in endings {
            clean &= ending.await.unwrap_or(false);
        }
        clean
    }

    async fn end(&self, entry: Entry, reason: EndReason) -> bool {
        let stopped = self.faults.stop(&entry.id).await;
        self.tell_ended(entry, stopped, reason)
    }

    /// Puts the end of a fault on record. Whether it was undone.
    fn tell_ended(
        &self,
        entry: Entry,
        stopped: Result<Snapshot, FaultError>,
        reason: EndReason,
    ) -> bool {
        if let Ok(snapshot) = &stopped {
            let times = snapshot
                .times
                .map(|times| (entry.request.name.clone(), times));
            self.book().ended.extend(times);
            for warning in &snapshot.warnings {
                self.events
                    .warn(format!("`{}`: {warning}", entry.request.name));
            }
        }
        let record = record::ended(entry, stopped, reason, self.clock.elapsed());
        let undone = record.undo == Undo::Verified;
        self.events.tell(Event::Fault(Box::new(record)));
        undone
    }
}
