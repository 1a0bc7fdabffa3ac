//! The lease of all crews, moved by whatever moves the engine's own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::page::{Page, Word};

/// Clones move the same leases.
#[derive(Clone, Debug, Default)]
pub struct Pacemaker {
    shared: Arc<Mutex<Paced>>,
}

#[derive(Debug, Default)]
struct Paced {
    pages: Vec<Weak<Page>>,
    until_ns: u64,
}

impl Pacemaker {
    /// The engine's main loop is alive and will be back by then (monotonic ns).
    pub fn beat(&self, until_ns: u64) {
        let mut paced = self.lock();
        paced.until_ns = until_ns;
        paced.pages.retain(|page| match page.upgrade() {
            Some(page) => {
                page.set(Word::Lease, until_ns);
                true
            }
            None => false,
        });
    }

    /// Has the lease of this page moved from now on.
    pub(super) fn pace(&self, page: &Arc<Page>) {
        let mut paced = self.lock();
        page.set(Word::Lease, paced.until_ns);
        paced.pages.push(Arc::downgrade(page));
    }

    fn lock(&self) -> MutexGuard<'_, Paced> {
        // It is whole between any two statements.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::page::{Page, Word};
    use super::Pacemaker;

    #[test]
    fn every_page_has_the_lease_until_it_is_dropped() {
        let pacemaker = Pacemaker::default();
        pacemaker.beat(5);
        let page = Arc::new(Page::make().unwrap().0);
        pacemaker.pace(&page);
        assert_eq!(page.get(Word::Lease), 5);
        pacemaker.clone().beat(9);
        assert_eq!(page.get(Word::Lease), 9);
        drop(page);
        pacemaker.beat(10);
        assert_eq!(pacemaker.lock().pages.len(), 0);
    }
}
