//! Who follows a run: the person in front of it, and its journal.

use tokio::sync::mpsc::UnboundedReceiver;

use super::progress::Progress;
use crate::journal::Keeper;
use crate::runner::Happened;

/// What happens, to be shown and to be kept.
#[derive(Debug)]
pub(super) struct Watching {
    pub(super) news: UnboundedReceiver<Happened>,
    pub(super) progress: Progress,
    pub(super) keeper: Keeper,
}

impl Watching {
    /// Follows what happens as it happens, for as long as it is polled.
    pub(super) async fn follow(&mut self) -> ! {
        while let Some(happened) = self.news.recv().await {
            self.note(&happened);
        }
        std::future::pending().await
    }

    /// What has happened already and was not noted.
    pub(super) fn finish(mut self) -> Keeper {
        while let Ok(happened) = self.news.try_recv() {
            self.note(&happened);
        }
        self.keeper
    }

    fn note(&mut self, happened: &Happened) {
        self.progress.print(happened);
        self.keeper.note(happened);
    }
}
