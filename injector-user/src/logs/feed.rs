//! What the tasks that follow sources tell the one that counts.

use std::time::Duration;

use injector_core::logs::Level;
use injector_core::plan::FileId;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::line::Line;
use crate::clock::monotonic_ns;

/// Lines that wait to be counted before who reads them has to wait.
pub(super) const QUEUE: usize = 256;

/// One source as far as it was followed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// Such as `/var/log/app.log` or `journal of redis.service`.
    pub source: String,
    pub lines: u64,
    /// Lines longer than [`super::MOST_LINE`], counted by their beginning.
    pub cut: u64,
    /// Lines that were no UTF-8, or of the journal no text.
    pub invalid: u64,
    /// How often a file was cut short or written anew in place: what was written just before may not
    /// have been read.
    pub restarted: u64,
    /// How often the stream ended and was taken up again.
    pub resumed: u64,
    /// Bytes that were there at the end and were not read.
    pub unread_bytes: u64,
    /// Why it is not followed any more; none while it is.
    pub ended: Option<String>,
}

/// Something that one source has to say.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Its place in the list of those that are followed.
    pub(super) source: usize,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Line {
        at_ns: u64,
        line: Line,
        /// The level that came beside it.
        beside: Option<Level>,
    },
    Restarted,
    Resumed,
    /// It goes on in another file.
    Moved(FileId),
    Unread(u64),
    Ended(String),
}

/// How one source tells.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    source: usize,
    events: mpsc::Sender<Event>,
    /// Turns true when it is to end.
    stop: watch::Receiver<bool>,
    /// Until when it waits for what comes next, once it is to end.
    last: Option<Instant>,
}

impl Feed {
    pub(super) fn new(
        source: usize,
        events: mpsc::Sender<Event>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            source,
            events,
            stop,
            last: None,
        }
    }

    /// Whether it is to end.
    pub(super) fn is_over(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits while there is no room. Whether anybody listens.
    pub(super) async fn tell(&self, what: What) -> bool {
        let source = self.source;
        self.events.send(Event { source, what }).await.is_ok()
    }

    /// Lines that have just come, all with one level beside them.
    pub(super) async fn lines(&self, lines: Vec<Line>, beside: Option<Level>) -> bool {
        let at_ns = monotonic_ns();
        for line in lines {
            let what = What::Line {
                at_ns,
                line,
                beside,
            };
            if !self.tell(what).await {
                return false;
            }
        }
        true
    }

    /// Lets time pass, and no more of it once it is to end: whether it goes on.
    pub(super) async fn pause(&mut self, time: Duration) -> bool {
        let stopped = timeout(time, self.stopped()).await;
        stopped.is_err()
    }

    /// Returns when it is to end.
    pub(super) async fn stopped(&mut self) {
        // Whoever would say so has gone.
        let _gone = self.stop.wait_for(|stop| *stop).await;
    }

    /// What comes next. Once it is to end, what was on its way by then, and what has been waiting.
    pub(super) async fn next<T>(&mut self, coming: impl Future<Output = Option<T>>) -> Option<T> {
        /// Longer than a line takes that is on its way already.
        const ON_ITS_WAY: Duration = Duration::from_millis(200);
        let mut coming = std::pin::pin!(coming);
        if self.last.is_none() {
            tokio::select! {
                next = &mut coming => return next,
                () = self.stopped() => {}
            }
        }
        let last = *self.last.get_or_insert_with(|| Instant::now() + ON_ITS_WAY);
        // Later than that it takes what is there, without waiting for it.
        timeout_at(last, coming).await.ok().flatten()
    }
}
