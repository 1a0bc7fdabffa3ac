//! A thread for each destination, so that nobody waits for another's answers.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::announcement::Announcement;
use super::destination::{Destination, Sending};
use super::queue::Queue;
use super::retry::{PERSEVERANCE, pause};
use super::shortfall::{Shortfall, Why};

/// Delivers to one destination until it is closed. A courier that is dropped ends when what it is
/// doing is done.
#[derive(Debug)]
pub(super) struct Courier {
    name: String,
    queue: Arc<Queue>,
    /// Hears when the thread has ended; none once somebody waits for that.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Courier {
    pub(super) fn start(destination: Box<dyn Destination>) -> io::Result<Self> {
        let (end, ended) = oneshot::channel();
        let queue = Arc::new(Queue::default());
        let name = destination.name();
        let work = {
            let queue = Arc::clone(&queue);
            move || {
                work(destination, &queue);
                let _nobody_waits = end.send(());
            }
        };
        thread::Builder::new()
            .name("temblor-announce".to_owned())
            .spawn(work)?;
        Ok(Self {
            name,
            queue,
            ended: Mutex::new(Some(ended)),
        })
    }

    /// Never waits.
    pub(super) fn put(&self, announcement: Announcement) {
        self.queue.put(announcement);
    }

    /// Nothing is put into it any more, and nothing is delivered after `until`.
    pub(super) fn close(&self, until: Instant) {
        self.queue.close(until);
    }

    /// Waits until everything is delivered or given up, and no longer than `until`.
    pub(super) async fn wait(&self, until: Instant) {
        let ended = self
            .ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(ended) = ended {
            // What it still has in hand then counts as undelivered.
            let _too_late = timeout_at(until.into(), ended).await;
        }
    }

    /// What was not delivered since the last time; with `left`, nothing more will be.
    pub(super) fn shortfall(&self, left: bool) -> Option<Shortfall> {
        let (undelivered, why) = self.queue.undelivered(left)?;
        Some(Shortfall {
            destination: self.name.clone(),
            undelivered,
            why,
        })
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.queue.close(Instant::now());
    }
}

fn work(mut destination: Box<dyn Destination>, queue: &Queue) {
    while let Some(batch) = queue.take(destination.at_once()) {
        let undelivered = deliver(&mut *destination, queue, &batch);
        queue.finished(undelivered);
    }
}

/// Tries until it is delivered, refused, or given up; how many were not delivered, and why.
fn deliver(
    destination: &mut dyn Destination,
    queue: &Queue,
    batch: &[Announcement],
) -> Option<(usize, Why)> {
    let began = Instant::now();
    let mut tries = 0;
    loop {
        let (after, why) = match destination.send(batch, queue.patience()) {
            Sending::Done => return None,
            Sending::Refused { count, why } => return Some((count, why)),
            Sending::Later { after, why } => (after, why),
        };
        queue.troubled(&why);
        tries += 1;
        let pause = pause(tries, after, rand::random());
        let is_too_long = began.elapsed().saturating_add(pause) > PERSEVERANCE;
        if is_too_long || !queue.rest(pause, after.is_some()) {
            return Some((batch.len(), why));
        }
    }
}
