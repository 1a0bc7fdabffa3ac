//! The observer as the rest of the engine has it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use injector_core::telemetry::{Answer, Expression, Frame, History};
use tokio::sync::oneshot;

use super::run::{Asker, ObserveError, Order, run};
use super::wanted::Wanted;

/// The host's observer: nothing, until somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    thread: Mutex<Option<Running>>,
    attached: AtomicUsize,
    /// The last hour, of whatever was observed.
    history: Mutex<History>,
    askers: AtomicU64,
}

/// Its thread ends when this is dropped.
#[derive(Debug)]
struct Running {
    orders: Sender<Order>,
    visits: usize,
}

/// One who asks; who drops it has left.
#[derive(Debug)]
pub struct Visit {
    observer: Observer,
    asker: Asker,
    orders: Sender<Order>,
}

impl Observer {
    /// Places where its programs are attached.
    pub fn attached(&self) -> usize {
        self.shared.attached.load(Ordering::Relaxed)
    }

    /// Begins to observe for one more.
    ///
    /// # Errors
    ///
    /// A target that is not there, or programs that the kernel refuses.
    pub async fn observe(&self, wanted: Wanted) -> Result<Visit, ObserveError> {
        let visit = self.enter()?;
        visit.want(wanted).await?;
        Ok(visit)
    }

    fn enter(&self) -> Result<Visit, ObserveError> {
        let mut thread = self.thread();
        let running = match &mut *thread {
            Some(running) => running,
            None => thread.insert(self.start()?),
        };
        running.visits += 1;
        let orders = running.orders.clone();
        drop(thread);
        Ok(Visit {
            observer: self.clone(),
            asker: self.shared.askers.fetch_add(1, Ordering::Relaxed),
            orders,
        })
    }

    fn start(&self) -> Result<Running, ObserveError> {
        let (orders, heard) = channel();
        let shared = Arc::clone(&self.shared);
        thread::Builder::new()
            .name("observer".to_owned())
            .spawn(move || run(&heard, &shared.attached, &shared.history))
            .map_err(|_refused| ObserveError::Ended)?;
        Ok(Running { orders, visits: 0 })
    }

    fn thread(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.shared
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Visit {
    /// Wants something else from now on; what is wanted stays as it was if that fails.
    ///
    /// # Errors
    ///
    /// As for [`Observer::observe`].
    pub async fn want(&self, wanted: Wanted) -> Result<(), ObserveError> {
        self.ask(|asker, done| Order::Observe {
            asker,
            wanted,
            done,
        })
        .await
    }

    /// What is known at this moment of what is wanted.
    ///
    /// # Errors
    ///
    /// The kernel's maps could not be read.
    pub async fn frame(&self) -> Result<Frame, ObserveError> {
        self.ask(|asker, done| Order::Frame { asker, done }).await
    }

    /// What the last hour says of this; what is not observed is no data.
    ///
    /// # Errors
    ///
    /// The observer has ended.
    pub async fn measure(&self, question: Expression) -> Result<Answer, ObserveError> {
        let question = Box::new(question);
        self.ask(|_asker, done| Order::Measure { question, done })
            .await
    }

    /// The oldest frames of the history from `from_ns` to `to_ns`, monotonic, and not too many at once.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn frames(&self, from_ns: u64, to_ns: u64) -> Result<Vec<Frame>, ObserveError> {
        self.ask(|_asker, done| Order::Frames {
            from_ns,
            to_ns,
            done,
        })
        .await
    }

    async fn ask<T>(
        &self,
        order: impl FnOnce(Asker, oneshot::Sender<Result<T, ObserveError>>) -> Order,
    ) -> Result<T, ObserveError> {
        let (done, answer) = oneshot::channel();
        let sent = self.orders.send(order(self.asker, done));
        sent.map_err(|_ended| ObserveError::Ended)?;
        answer.await.map_err(|_ended| ObserveError::Ended)?
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let _ended = self.orders.send(Order::Leave { asker: self.asker });
        let mut thread = self.observer.thread();
        if let Some(running) = &mut *thread {
            running.visits = running.visits.saturating_sub(1);
            if running.visits == 0 {
                // The thread goes with the last who can tell it something.
                *thread = None;
            }
        }
    }
}
