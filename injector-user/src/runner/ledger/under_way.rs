//! Arming and ending under way, which closing the ledger has to wait for.

use tokio::sync::watch;

/// Counts the pieces of work that have begun and are not done.
#[derive(Debug, Clone)]
pub(super) struct UnderWay(watch::Sender<usize>);

/// One piece of work; done when this is dropped.
#[derive(Debug)]
pub(super) struct Begun(watch::Sender<usize>);

impl UnderWay {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    pub(super) fn begin(&self) -> Begun {
        self.0.send_modify(|count| *count += 1);
        Begun(self.0.clone())
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self.0.borrow() == 0
    }

    /// Waits until everything that has begun is done.
    pub(super) async fn done(&self) {
        // The sender lives in `self`, so this cannot end early.
        drop(self.0.subscribe().wait_for(|count| *count == 0).await);
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
