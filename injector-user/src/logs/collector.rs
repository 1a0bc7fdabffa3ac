//! Counts what all sources of a target say, beside which faults acted.
//!
//! Lines wait until the engine has been asked again, at most 100 ms: a fault that began or ended just
//! before a line was read is known by then. A line is dated when it is read, which is up to 50 ms after it
//! was written.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use injector_core::logs::{Level, Reading, Tally};
use injector_core::target::Selector;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::fault::LogsError;
use super::faults::Armed;
use super::feed::{Event, Feed, Followed, QUEUE, What};
use super::find::{Found, Unfollowed, find_elsewhere, has_logs, search_again};
use super::line::Line;
use super::start::{Identity, Starting, file_named};
use crate::clock::{file_time, monotonic_ns};

/// Between two looks at the engine's faults.
const LOOK: Duration = Duration::from_millis(100);

/// Between two looks at what a target has.
const SEARCH: Duration = Duration::from_secs(1);

/// Lines that wait for a look before there is one out of turn.
const BATCH: usize = 1_024;

/// For sources to say their last.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Whose logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub target: Option<Selector>,
    /// Files to follow beside those of the target.
    pub files: Vec<PathBuf>,
    /// Where an engine may run.
    pub run_dir: PathBuf,
    /// The program that reads the journal, `journalctl`.
    pub journalctl: OsString,
}

/// Follows a target's logs until it is told to end; dropping it ends it too.
#[derive(Debug)]
pub struct Collector {
    tally: Tally,
    armed: Armed,
    looks: Interval,
    events: mpsc::Receiver<Event>,
    waiting: Vec<(u64, Line, Option<Level>)>,
    found: mpsc::Receiver<Found>,
    starting: Starting,
    stop: watch::Sender<bool>,
    followed: Vec<Followed>,
    tasks: Vec<JoinHandle<()>>,
    known: BTreeSet<Identity>,
    unfollowed: BTreeMap<String, Unfollowed>,
    unfollowed_more: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Collected {
    pub tally: Tally,
    /// When it was told to end, monotonic nanoseconds.
    pub ended_ns: u64,
    pub followed: Vec<Followed>,
    pub unfollowed: Vec<Unfollowed>,
    /// How many more could not be followed, at most so many being named.
    pub unfollowed_more: u64,
    /// Why the engine's faults were not known at some moment.
    pub faults_unknown: Option<String>,
}

impl Collector {
    /// Sources followed in all.
    pub const MOST_SOURCES: usize = 64;

    /// Those that cannot be followed and are named.
    pub const MOST_UNFOLLOWED: usize = 64;

    /// Begins to follow what the subject has; needs a running event loop. What is written from now on
    /// counts.
    pub async fn start(subject: Subject) -> Result<Self, LogsError> {
        let Subject {
            target,
            files,
            run_dir,
            journalctl,
        } = subject;
        let (stop, stopped) = watch::channel(false);
        let (told, events) = mpsc::channel(QUEUE);
        let (search, found) = mpsc::channel(1);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut collector = Self {
            tally: Tally::new(monotonic_ns()),
            armed: Armed::new(run_dir),
            looks,
            events,
            waiting: Vec::new(),
            found,
            starting: Starting {
                begun: file_time(),
                journalctl,
                events: told,
                stop: stopped.clone(),
            },
            stop,
            followed: Vec::new(),
            tasks: Vec::new(),
            known: BTreeSet::new(),
            unfollowed: BTreeMap::new(),
            unfollowed_more: 0,
        };
        collector.begin_files(files)?;
        if let Some(target) = target {
            collector.begin(&target).await?;
            tokio::spawn(search_again(target, SEARCH, search, stopped));
        }
        Ok(collector)
    }

    /// Goes on until the faults have been looked at once more. Nothing is lost if it is dropped before.
    pub async fn step(&mut self) {
        loop {
            tokio::select! {
                _ = self.looks.tick() => return self.look().await,
                Some(event) = self.events.recv() => self.take(event),
                Some(found) = self.found.recv() => self.adopt(found, false).await,
            }
            if self.waiting.len() >= BATCH {
                return self.look().await;
            }
        }
    }

    /// Ends it, once everything is read that was written until now.
    pub async fn finish(mut self) -> Collected {
        let ended_ns = monotonic_ns();
        self.stop.send_replace(true);
        // Ours would keep the channel open.
        self.starting.close();
        let all = timeout(LAST_WORDS, self.hear_the_rest()).await;
        if all.is_err() {
            self.blame_the_slow();
        }
        while let Ok(event) = self.events.try_recv() {
            self.take(event);
        }
        self.look().await;
        for task in &self.tasks {
            task.abort();
        }
        Collected {
            tally: self.tally,
            ended_ns,
            followed: self.followed,
            unfollowed: self.unfollowed.into_values().collect(),
            unfollowed_more: self.unfollowed_more,
            faults_unknown: self.armed.unknown,
        }
    }

    /// What has been counted so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The sources so far.
    pub fn followed(&self) -> &[Followed] {
        &self.followed
    }

    async fn hear_the_rest(&mut self) {
        while let Some(event) = self.events.recv().await {
            self.take(event);
            if self.waiting.len() >= BATCH {
                self.look().await;
            }
        }
    }

    fn blame_the_slow(&mut self) {
        let tasks = self.tasks.iter().zip(&mut self.followed);
        for (_task, followed) in tasks.filter(|(task, _)| !task.is_finished()) {
            let why = "it was written faster than it could be read: its end is missing";
            followed.ended.get_or_insert_with(|| why.to_owned());
        }
    }

    /// Asks for the faults, and counts what has waited for the answer.
    async fn look(&mut self) {
        if let Some(armed) = self.armed.look().await {
            self.tally.look(monotonic_ns(), &armed);
        }
        for (at_ns, line, beside) in self.waiting.drain(..) {
            let reading = Reading::of(&line.text).beside(beside);
            self.tally.add(at_ns, &reading);
        }
    }

    fn take(&mut self, Event { source, what }: Event) {
        let Some(followed) = self.followed.get_mut(source) else {
            return;
        };
        match what {
            What::Line {
                at_ns,
                line,
                beside,
            } => {
                followed.lines += 1;
                followed.cut += u64::from(line.is_cut);
                followed.invalid += u64::from(line.is_invalid);
                self.waiting.push((at_ns, line, beside));
            }
            What::Restarted => followed.restarted += 1,
            What::Resumed => followed.resumed += 1,
            What::Moved(key) => {
                self.known.insert(Identity::File(key));
            }
            What::Unread(bytes) => followed.unread_bytes = bytes,
            What::Ended(why) => followed.ended = Some(why),
        }
    }

    fn begin_files(&mut self, files: Vec<PathBuf>) -> Result<(), LogsError> {
        let most = Self::MOST_SOURCES;
        if files.len() > most {
            let count = files.len();
            return Err(LogsError::TooMany { count, most });
        }
        for path in files {
            let opened = file_named(&path);
            let (identity, tail) = opened.map_err(|source| LogsError::File {
                path: path.clone(),
                source,
            })?;
            if self.known.insert(identity) {
                let feed = self.feed(path.display().to_string());
                self.tasks
                    .push(tokio::spawn(super::file::follow(tail, feed)));
            }
        }
        Ok(())
    }

    async fn begin(&mut self, target: &Selector) -> Result<(), LogsError> {
        if !has_logs(target) {
            let target = target.clone();
            return Err(LogsError::NoLogs { target });
        }
        let found = find_elsewhere(target.clone()).await?;
        if found.is_nothing() && !target.is_restartable() {
            let target = target.clone();
            return Err(LogsError::Nobody { target });
        }
        self.adopt(found, true).await;
        if self.followed.is_empty() {
            let unfollowed: Vec<_> = std::mem::take(&mut self.unfollowed).into_values().collect();
            let target = target.clone();
            return Err(if unfollowed.is_empty() {
                LogsError::Nobody { target }
            } else {
                LogsError::Nothing { target, unfollowed }
            });
        }
        Ok(())
    }

    /// Begins with those that are new.
    async fn adopt(&mut self, found: Found, is_first: bool) {
        let Found { wanted, unfollowed } = found;
        let mut beyond = 0;
        for (link, one) in unfollowed {
            beyond += u64::from(!self.cannot(link, one));
        }
        for wanted in wanted {
            let identity = wanted.identity();
            if self.known.contains(&identity) {
                continue;
            }
            let source = wanted.to_string();
            if self.followed.len() >= Self::MOST_SOURCES {
                let why = format!("{} others are followed already", Self::MOST_SOURCES);
                let is_named = self.cannot(source.clone(), Unfollowed { source, why });
                beyond += u64::from(!is_named);
                continue;
            }
            // Whatever comes of it, it is not tried again.
            self.known.insert(identity);
            match self.starting.open(wanted, is_first).await {
                Ok(opened) => {
                    let feed = self.feed(source);
                    self.tasks.push(opened.follow(feed));
                }
                Err(why) => {
                    let is_named = self.cannot(source.clone(), Unfollowed { source, why });
                    beyond += u64::from(!is_named);
                }
            }
        }
        self.unfollowed_more = self.unfollowed_more.max(beyond);
    }

    /// Whether it is named, and not just counted.
    fn cannot(&mut self, link: String, unfollowed: Unfollowed) -> bool {
        if self.unfollowed.len() < Self::MOST_UNFOLLOWED {
            self.unfollowed.entry(link).or_insert(unfollowed);
            return true;
        }
        self.unfollowed.contains_key(&link)
    }

    fn feed(&mut self, source: String) -> Feed {
        let feed = self.starting.feed(self.followed.len());
        self.followed.push(Followed {
            source,
            ..Followed::default()
        });
        feed
    }
}
