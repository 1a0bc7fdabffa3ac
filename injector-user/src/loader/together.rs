//! Attaching at many functions of the kernel, and detaching: for each the kernel waits until no task is
//! inside (a tenth of a second on 6.1 and 6.12), for all at once hardly longer than for one.

use std::sync::Mutex;
use std::thread;

use injector_core::plan::Hook;

use super::hooks::{HookError, HookIndex, Hooks, Place, Texts};
use super::program::Link;

/// More threads than this only wait for each other in the kernel.
const MOST: usize = 16;

impl Hooks {
    /// Attaches at those of `hooks` that are functions and not attached yet, as places that nobody uses.
    /// After an error there are none of them.
    pub(super) fn attach_functions(
        &mut self,
        texts: &Texts,
        hooks: &[Hook],
    ) -> Result<(), HookError> {
        let missing = hooks
            .iter()
            .filter(|hook| is_function(hook) && self.find(hook).is_none());
        let wanted: Vec<(HookIndex, &Hook)> = self.free_indices().zip(missing).collect();
        let made = all(&wanted, |(index, hook)| {
            Place::attach_anew(texts, hook, *index).map(|place| (*index, place))
        });
        let made: Result<Vec<(HookIndex, Place)>, HookError> = made.into_iter().collect();
        self.insert(made?);
        Ok(())
    }
}

/// Whether its programs are loaded for a certain function of the kernel, or a tracepoint.
pub(super) fn is_function(hook: &Hook) -> bool {
    matches!(
        hook,
        Hook::Function { .. } | Hook::Exit { sleeps: true, .. }
    )
}

/// Closes them all.
pub(super) fn detach(links: Vec<Link>) {
    let links: Vec<Mutex<Option<Link>>> = links
        .into_iter()
        .map(|link| Mutex::new(Some(link)))
        .collect();
    all(&links, |link| {
        drop(link.lock().ok().and_then(|mut link| link.take()));
    });
}

/// Does `work` for each of `items`, some at a time; the results are in their order.
fn all<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = MOST.min(items.len());
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let share = items.len().div_ceil(threads);
    thread::scope(|scope| {
        let shares = items.chunks(share);
        let workers: Vec<_> = shares
            .map(|share| scope.spawn(|| share.iter().map(&work).collect::<Vec<R>>()))
            .collect();
        let done = workers.into_iter().map(|worker| {
            worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        done.flatten().collect()
    })
}
