//! The observer's thread: attaches, looks once a second, and answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use injector_core::telemetry::{Answer, Expression, Frame, History, Signal};
use tokio::sync::oneshot;

use super::classes::{Classes, HOST, label_of};
use super::frames::{self, About, Presence};
use super::people::{People, UnknownTarget, meant};
use super::resources::Resources;
use super::restarts::Restarts;
use super::totals::{self, Totals};
use super::wanted::Wanted;
use crate::clock::{monotonic_ns, unix_ns};
use crate::loader::{TraceError, Tracer};

/// Who asks.
pub(super) type Asker = u64;

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Order {
    Observe {
        asker: Asker,
        wanted: Wanted,
        done: oneshot::Sender<Result<(), ObserveError>>,
    },
    Leave {
        asker: Asker,
    },
    /// What the history says of this.
    Measure {
        question: Box<Expression>,
        done: oneshot::Sender<Result<Answer, ObserveError>>,
    },
    /// Frames of the history.
    Frames {
        from_ns: u64,
        to_ns: u64,
        done: oneshot::Sender<Result<Vec<Frame>, ObserveError>>,
    },
    /// A frame of this moment.
    Frame {
        asker: Asker,
        done: oneshot::Sender<Result<Frame, ObserveError>>,
    },
}

/// Why nothing is observed.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    #[error(transparent)]
    Target(#[from] UnknownTarget),
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("nothing is observed for this connection")]
    Nobody,
    #[error("the observer has ended")]
    Ended,
}

/// Frames that are given at once.
pub(super) const MOST_FRAMES: usize = 64;

/// How often it looks by itself, and whom targets mean then.
const INTERVAL: Duration = Duration::from_secs(1);
/// Where it takes long to find out whom they mean, that is done more seldom: so many times as long as it took
/// lie between two times.
const LEISURE: u32 = 500;
/// Though not more seldom than this.
const MOST_LEISURE: Duration = Duration::from_secs(5);

/// Longer than a program of the kernel is at work.
const STILL_AT_WORK: Duration = Duration::from_millis(100);

/// Observes until nobody asks any more.
pub(super) fn run(orders: &Receiver<Order>, attached: &AtomicUsize, history: &Mutex<History>) {
    let mut observing = Observing::of(history);
    let mut next = Instant::now() + INTERVAL;
    loop {
        match orders.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(order) => observing.obey(order),
            Err(RecvTimeoutError::Timeout) => {
                next = Instant::now() + INTERVAL;
                observing.tick();
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        attached.store(observing.attached(), Ordering::Relaxed);
    }
    drop(observing);
    attached.store(0, Ordering::Relaxed);
}

#[derive(Debug)]
struct Observing<'a> {
    /// Of this engine: it outlives those who ask.
    history: &'a Mutex<History>,
    askers: BTreeMap<Asker, Wanted>,
    tracer: Option<Tracer>,
    people: People,
    classes: Classes,
    /// Of classes that are gone.
    retired: Totals,
    /// Labels of the busiest cgroups, busiest first.
    top: Vec<String>,
    looked: Option<Instant>,
    /// How long the last look at people took.
    look_took: Duration,
    restarts: Restarts,
    resources: Resources,
}

impl<'a> Observing<'a> {
    fn of(history: &'a Mutex<History>) -> Self {
        Self {
            history,
            askers: BTreeMap::new(),
            tracer: None,
            people: People::default(),
            classes: Classes::default(),
            retired: Totals::new(),
            top: Vec::new(),
            looked: None,
            look_took: Duration::ZERO,
            restarts: Restarts::default(),
            resources: Resources::default(),
        }
    }

    fn history(&self) -> MutexGuard<'a, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attached(&self) -> usize {
        self.tracer.as_ref().map_or(0, Tracer::attached)
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Observe {
                asker,
                wanted,
                done,
            } => {
                let _went_away = done.send(self.observe(asker, wanted));
            }
            Order::Leave { asker } => self.leave(asker),
            Order::Measure { question, done } => {
                let answer = question.measure(&self.history(), monotonic_ns());
                let _went_away = done.send(Ok(answer));
            }
            Order::Frames {
                from_ns,
                to_ns,
                done,
            } => {
                let _went_away = done.send(Ok(self.frames(from_ns, to_ns)));
            }
            Order::Frame { asker, done } => {
                let _went_away = done.send(self.frame_for(asker));
            }
        }
    }

    /// Takes in one more, or changes what it wants; if that fails all is as before.
    fn observe(&mut self, asker: Asker, wanted: Wanted) -> Result<(), ObserveError> {
        for target in &wanted.targets {
            meant(target)?;
        }
        let before = self.askers.insert(asker, wanted);
        let changed = self.change();
        if changed.is_err() {
            match before {
                Some(before) => self.askers.insert(asker, before),
                None => self.askers.remove(&asker),
            };
            self.settle();
        }
        changed.and_then(|()| self.remember())
    }

    fn frames(&self, from_ns: u64, to_ns: u64) -> Vec<Frame> {
        let mut found = Vec::new();
        found.extend(self.history().between(from_ns, to_ns).take(MOST_FRAMES));
        found
    }

    /// Adds what is known now to the history.
    fn remember(&mut self) -> Result<(), ObserveError> {
        let frame = self.frame()?;
        // What does not fit is counted there.
        let _counted = self.history().push(&frame);
        Ok(())
    }

    fn leave(&mut self, asker: Asker) {
        if self.askers.remove(&asker).is_some() {
            self.settle();
        }
    }

    /// Comes down to what is still wanted.
    fn settle(&mut self) {
        if self.askers.is_empty() {
            *self = Self::of(self.history);
        } else if self.change().is_err() {
            // Detaching does not fail; what could not be written is tried again at the next look.
            self.looked = None;
        }
    }

    fn change(&mut self) -> Result<(), ObserveError> {
        if self.tracer.is_none() {
            self.tracer = Some(Tracer::open()?);
        }
        let wanted = Wanted::union(self.askers.values());
        self.look(&wanted)?;
        if let Some(tracer) = &mut self.tracer {
            tracer.attach(&wanted.signals)?;
        }
        Ok(())
    }

    fn look(&mut self, wanted: &Wanted) -> Result<(), ObserveError> {
        let Some(tracer) = &mut self.tracer else {
            return Ok(());
        };
        let begun = Instant::now();
        self.people = People::look(wanted);
        self.look_took = begun.elapsed();
        if self.people.has_processes() {
            tracer.follow(true)?;
            // Again, as children may have come before they were followed.
            self.people = People::look(wanted);
        }
        self.restarts.look(&self.people.targets);
        if self.classes.are_over(STILL_AT_WORK) {
            // Before they are given back: what cannot be read stays theirs, and is read the next time.
            let seen = tracer.read()?;
            let over = self.classes.give_back(STILL_AT_WORK);
            totals::add(&mut self.retired, &seen, &over);
            tracer.forget(over.keys().copied())?;
        }
        let assigned = self.classes.assign(&self.people);
        // Cgroups come and go for as long as somebody wants the busiest.
        let looked_at = self.people.labels();
        self.retired
            .retain(|label, _total| looked_at.contains(label));
        tracer.set_classes(&assigned.cgroups, &assigned.thread_groups)?;
        tracer.observe_rest(assigned.host)?;
        tracer.follow(self.people.has_processes())?;
        self.looked = Some(begun);
        Ok(())
    }

    fn tick(&mut self) {
        if self.askers.is_empty() {
            return;
        }
        let wanted = Wanted::union(self.askers.values());
        let interval = (self.look_took * LEISURE).min(MOST_LEISURE);
        if self
            .looked
            .is_none_or(|looked| looked.elapsed() >= interval)
        {
            // Tried again at the next one.
            let _later = self.look(&wanted);
        }
        // A gap in the history is seen as such.
        let _gap = self.remember();
    }

    fn frame_for(&mut self, asker: Asker) -> Result<Frame, ObserveError> {
        let wanted = self.askers.get(&asker).ok_or(ObserveError::Nobody)?.clone();
        let frame = self.frame()?;
        Ok(wanted.part_of(&frame, &self.top))
    }

    fn frame(&mut self) -> Result<Frame, ObserveError> {
        let wanted = Wanted::union(self.askers.values());
        let tracer = self.tracer.as_mut().ok_or(ObserveError::Nobody)?;
        let seen = tracer.read()?;
        let mut frame = Frame {
            at_ns: monotonic_ns(),
            unix_ns: unix_ns(),
            ..Frame::default()
        };
        let mut totals = self.retired.clone();
        totals::add(&mut totals, &seen, &self.classes.labels);
        self.top = busiest(&self.people, &totals);
        let usages = if wanted.signals.contains(&Signal::Resources) {
            self.resources.look(&self.people.targets)
        } else {
            BTreeMap::new()
        };
        let targets = self.people.targets.iter();
        let about = About {
            lost: seen.lost,
            left_out: self.classes.left_out,
            targets: targets
                .map(|(target, meant)| Presence {
                    label: target.to_string(),
                    is_there: meant.is_some(),
                    restarts: self.restarts.of(target),
                })
                .collect(),
            totals: &totals,
            usages,
            signals: wanted.signals.into_iter().collect(),
        };
        frames::fill(&mut frame, &about);
        Ok(frame)
    }
}

/// Labels of cgroups, those with most events first.
fn busiest(people: &People, totals: &Totals) -> Vec<String> {
    let labels = people.cgroups.iter().map(|cgroup| label_of(&cgroup.path));
    let events = |label: &String| totals.get(label).map_or(0, totals::Total::events);
    let mut labels: Vec<String> = labels.filter(|label| label != HOST).collect();
    labels.sort_by_cached_key(|label| (std::cmp::Reverse(events(label)), label.clone()));
    labels
}
