//! Who follows a run: its journal, and the person in front of it.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::progress::Progress;
use crate::journal::{Diary, Keeper};
use crate::runner::{Happened, Watch};

/// Takes down what happens, before anything else does, and tells whoever shows it.
#[derive(Debug)]
pub(super) struct Recorder {
    record: Mutex<Record>,
    viewer: UnboundedSender<Happened>,
}

/// What was taken down.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) keeper: Keeper,
    pub(super) diary: Diary,
    /// Why the diary has only a part of it.
    pub(super) trouble: Option<io::Error>,
}

impl Recorder {
    pub(super) fn new(keeper: Keeper, diary: Diary, viewer: UnboundedSender<Happened>) -> Self {
        let record = Record {
            keeper,
            diary,
            trouble: None,
        };
        let record = Mutex::new(record);
        Self { record, viewer }
    }

    /// What was taken down until now.
    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        // It is whole between any two events.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Recorder {
    fn note(&self, happened: Happened) {
        self.record().note(&happened);
        // Nobody shows it when the run is over.
        drop(self.viewer.send(happened));
    }
}

impl Record {
    fn note(&mut self, happened: &Happened) {
        if let Some(entry) = self.keeper.note(happened)
            && let Err(error) = self.diary.add(&entry)
        {
            self.trouble = Some(error);
        }
    }
}

/// Shows what happens.
#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) news: UnboundedReceiver<Happened>,
    pub(super) progress: Progress,
}

impl Viewer {
    /// As it happens, for as long as it is polled.
    pub(super) async fn follow(&mut self) -> ! {
        while let Some(happened) = self.news.recv().await {
            self.progress.print(&happened);
        }
        std::future::pending().await
    }

    /// What has happened already and was not shown.
    pub(super) fn finish(mut self) {
        while let Ok(happened) = self.news.try_recv() {
            self.progress.print(&happened);
        }
    }
}
