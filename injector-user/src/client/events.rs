//! Every injection of the faults of one command, as lines of JSON in a file.
//!
//! A line is `{"fault", "name", "hook", "stream", "hit", "at_ns"}`; the last one of each fault is
//! `{"fault", "name", "events", "lost"}`. What cannot be written is said when the file is finished:
//! no fault fails for it.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::connection::Client;
use super::fault::ClientError;
use crate::loader::Injection;
use crate::protocol::{Answer, Call};

/// How often the engine is asked. It keeps some ten thousands for whoever follows.
const LOOK: Duration = Duration::from_millis(50);

/// A file that follows faults. Clones write to the same.
#[derive(Clone, Debug)]
pub struct EventFile {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    out: Box<dyn Write + Send>,
    failed: Option<io::Error>,
    followers: Vec<JoinHandle<Result<(), ClientError>>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("failed", &self.failed)
            .field("followers", &self.followers)
            .finish_non_exhaustive()
    }
}

/// Why not every event is in the file.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    #[error("failed to write the events")]
    Write(#[source] io::Error),
    #[error("failed to read the events from the engine")]
    Read(#[source] ClientError),
}

/// What one line is about.
#[derive(Clone, Debug, Serialize)]
struct Subject {
    fault: String,
    name: Option<String>,
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    subject: &'a Subject,
    #[serde(flatten)]
    injection: Injection,
    /// It was only counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    rehearsal: bool,
}

#[derive(Debug, Serialize)]
struct LastLine<'a> {
    #[serde(flatten)]
    subject: &'a Subject,
    events: u64,
    lost: u64,
}

impl EventFile {
    /// Makes the file, or takes standard output for `-`.
    pub fn create(path: &Path) -> io::Result<Self> {
        let out: Box<dyn Write + Send> = if path == Path::new("-") {
            Box::new(io::stdout())
        } else {
            Box::new(File::create(path)?)
        };
        let shared = Shared {
            out,
            failed: None,
            followers: Vec::new(),
        };
        Ok(Self {
            shared: Arc::new(Mutex::new(shared)),
        })
    }

    /// Writes down what a fault injects until it has ended; it must have been armed to be followed.
    pub fn follow(&self, client: &Client, fault: &str, name: Option<&str>) {
        let subject = Subject {
            fault: fault.to_owned(),
            name: name.map(str::to_owned),
        };
        let (file, client) = (self.clone(), client.clone());
        let follower = tokio::spawn(async move { file.write_all_of(&client, &subject).await });
        self.lock().followers.push(follower);
    }

    /// Waits until everything of faults that have ended is written.
    pub async fn finish(&self) -> Result<(), EventsError> {
        let followers = std::mem::take(&mut self.lock().followers);
        for follower in followers {
            // A follower that panicked has said so itself.
            if let Ok(followed) = follower.await {
                followed.map_err(EventsError::Read)?;
            }
        }
        let mut shared = self.lock();
        let flushed = shared.out.flush();
        let failed = shared.failed.take().map_or(flushed, Err);
        drop(shared);
        failed.map_err(EventsError::Write)
    }

    async fn write_all_of(&self, client: &Client, subject: &Subject) -> Result<(), ClientError> {
        let mut after = 0;
        loop {
            let fault = subject.fault.clone();
            let answer = client.call(Call::Events { fault, after }).await?;
            let Answer::Events {
                events,
                next,
                real_from,
                lost,
            } = answer
            else {
                return Err(ClientError::Unexpected);
            };
            let all = events.is_empty();
            let first = next.saturating_sub(u64::try_from(events.len()).unwrap_or_default());
            for (number, injection) in (first..).zip(events) {
                self.write(&Line {
                    subject,
                    injection,
                    rehearsal: number < real_from,
                });
            }
            after = next;
            if let Some(lost) = lost {
                let events = next;
                self.write(&LastLine {
                    subject,
                    events,
                    lost,
                });
                return Ok(());
            }
            if all {
                sleep(LOOK).await;
            }
        }
    }

    fn write(&self, line: &impl Serialize) {
        let mut shared = self.lock();
        let text = serde_json::to_string(line).map_err(io::Error::from);
        let written = text.and_then(|text| writeln!(shared.out, "{text}"));
        if let Err(error) = written {
            shared.failed.get_or_insert(error);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Lines are written whole or not at all.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
