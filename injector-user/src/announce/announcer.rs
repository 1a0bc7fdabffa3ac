//! Tells every destination what becomes of faults.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::announcement::{Announcement, Moment};
use super::courier::Courier;
use super::destination::Destination;
use super::fault::AnnounceError;
use super::shortfall::Shortfall;
use super::told::Told;
use crate::client::{Client, ClientError};
use crate::clock::{monotonic_ns, unix_ms};
use crate::protocol::{Answer, Call, FaultReport, State};

/// How long the end of a command is put off until everything is delivered.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at a fault.
const LOOK: Duration = Duration::from_millis(250);
/// How long the engine may take for the last look.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// The destinations of one command. Clones tell the same ones.
#[derive(Clone, Debug)]
pub struct Announcer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    couriers: Vec<Courier>,
    followers: Mutex<Vec<Follower>>,
    /// True once followers are to look for the last time.
    closing: watch::Sender<bool>,
}

/// Looks after one fault.
#[derive(Debug)]
struct Follower {
    fault: String,
    task: JoinHandle<Told>,
}

impl Announcer {
    /// Starts a thread for each destination, at the earliest when nothing is forked any more.
    pub fn start(
        destinations: impl IntoIterator<Item = Box<dyn Destination>>,
    ) -> Result<Self, AnnounceError> {
        let couriers = destinations.into_iter().map(Courier::start);
        let couriers: Result<Vec<Courier>, _> = couriers.collect();
        let shared = Shared {
            couriers: couriers.map_err(AnnounceError::Thread)?,
            followers: Mutex::default(),
            closing: watch::Sender::new(false),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Announces that a fault begins, and that it ends; needs a running event loop.
    pub fn follow(&self, client: &Client, fault: &str) {
        let (announcer, client) = (self.clone(), client.clone());
        let (fault, followed) = (fault.to_owned(), fault.to_owned());
        let closing = self.shared.closing.subscribe();
        let task =
            tokio::spawn(async move { announcer.until_the_end(&client, &followed, closing).await });
        self.followers().push(Follower { fault, task });
    }

    /// Puts announcements into every queue; never waits.
    pub fn announce(&self, announcements: &[Announcement]) {
        for announcement in announcements {
            for courier in &self.shared.couriers {
                courier.put(announcement.clone());
            }
        }
    }

    /// What was given up since this was asked the last time.
    pub fn shortfalls(&self) -> Vec<Shortfall> {
        self.all_shortfalls(false)
    }

    /// Looks at followed faults for the last time, and waits for up to [`PATIENCE`] until everything
    /// is delivered. Gives what was not, and the names of faults whose end was not seen: while one
    /// still acts, nothing is waited for.
    pub async fn finish(&self) -> (Vec<Shortfall>, Vec<String>) {
        self.shared.closing.send_replace(true);
        let followers = std::mem::take(&mut *self.followers());
        let mut open = Vec::new();
        for follower in followers {
            // A follower that panicked has said so itself.
            if let Ok(told) = follower.task.await {
                open.extend(told.open().map(str::to_owned));
            }
        }
        if open.is_empty() {
            self.flush().await;
        }
        (self.all_shortfalls(true), open)
    }

    /// Gives the same and waits for nothing.
    pub fn leave(&self) -> (Vec<Shortfall>, Vec<String>) {
        let followers = std::mem::take(&mut *self.followers());
        let unseen = followers.into_iter().filter(|one| !one.task.is_finished());
        let unseen = unseen.map(|one| {
            // Holds a connection, which keeps its faults armed.
            one.task.abort();
            one.fault
        });
        let unseen = unseen.collect();
        (self.all_shortfalls(true), unseen)
    }

    /// Waits for up to [`PATIENCE`] until everything is delivered; the rest counts as given up.
    async fn flush(&self) {
        let until = Instant::now() + PATIENCE;
        for courier in &self.shared.couriers {
            courier.close(until);
        }
        for courier in &self.shared.couriers {
            courier.wait(until).await;
        }
    }

    fn all_shortfalls(&self, left: bool) -> Vec<Shortfall> {
        let couriers = self.shared.couriers.iter();
        couriers
            .filter_map(|courier| courier.shortfall(left))
            .collect()
    }

    async fn until_the_end(
        &self,
        client: &Client,
        fault: &str,
        mut closing: watch::Receiver<bool>,
    ) -> Told {
        let mut told = Told::default();
        loop {
            let is_last = *closing.borrow_and_update();
            let look = timeout(LAST_LOOK, snapshot(client, fault)).await;
            match look {
                Ok(Ok(report)) => {
                    self.announce(&told.see(&report, unix_ms()));
                    if has_ended(&report) {
                        return told;
                    }
                }
                // Busy; it has not forgotten us.
                Err(_elapsed) => {}
                // The engine is there, and knows nothing of it.
                Ok(Err(ClientError::Answer(_) | ClientError::Unexpected)) => return told,
                Ok(Err(_gone)) => {
                    self.announce(&told.lose_all(now()));
                    return told;
                }
            }
            if is_last {
                return told;
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                _ = closing.changed() => {}
            }
        }
    }

    fn followers(&self) -> MutexGuard<'_, Vec<Follower>> {
        // A follower is added or taken in one step.
        let followers = self.shared.followers.lock();
        followers.unwrap_or_else(PoisonError::into_inner)
    }
}

async fn snapshot(client: &Client, fault: &str) -> Result<FaultReport, ClientError> {
    let fault = fault.to_owned();
    match client.call(Call::Snapshot { fault }).await? {
        Answer::Snapshot { fault } => Ok(*fault),
        _ => Err(ClientError::Unexpected),
    }
}

fn has_ended(report: &FaultReport) -> bool {
    match report.state {
        State::Pending | State::Active => false,
        State::Ended { .. } | State::UndoIncomplete { .. } => true,
    }
}

/// Now, by both clocks.
pub(super) fn now() -> Moment {
    Moment {
        unix_ms: unix_ms(),
        monotonic_ns: monotonic_ns(),
    }
}
