//! Programs for many places, loaded on threads of their own while others are being attached.
//!
//! Loading keeps a processor busy with the verifier, attaching waits for the kernel: one after the other
//! they would add up. What cannot be loaded here is loaded, and explained, where it is needed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::hooks::Texts;
use super::program::Program;
use super::spares::{Instance, load};

/// More threads than this only wait for each other in the kernel.
const MOST: usize = 8;

/// Programs on their way. When this is dropped their threads end after the program they are at.
#[derive(Debug)]
pub(super) struct Ahead {
    expected: Vec<Instance>,
    from: Receiver<(Instance, Option<Program>)>,
}

impl Ahead {
    /// Begins with `instances`, in this order.
    pub(super) fn begin(texts: &Arc<Texts>, instances: Vec<Instance>) -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let threads = processors.min(MOST).min(instances.len());
        let (to, from) = channel();
        for first in 0..threads {
            let share = instances.iter().skip(first).step_by(threads);
            let (share, texts, to) = (share.copied().collect(), Arc::clone(texts), to.clone());
            // Without a thread its share is loaded where it is needed.
            let _slower = thread::Builder::new()
                .name("program-loader".to_owned())
                .spawn(move || load_all(share, &texts, &to));
        }
        Self {
            expected: instances,
            from,
        }
    }

    /// Waits for one of the programs; nothing if it is none of them, or could not be loaded.
    pub(super) fn take(
        &mut self,
        wanted: Instance,
        mut others: impl FnMut(Instance, Program),
    ) -> Option<Program> {
        while self.expected.contains(&wanted) {
            // All threads have ended: whatever is still expected does not come.
            let (instance, program) = self.from.recv().ok()?;
            self.expected.retain(|one| *one != instance);
            match program {
                Some(program) if instance == wanted => return Some(program),
                Some(program) => others(instance, program),
                None => {}
            }
        }
        None
    }
}

fn load_all(share: Vec<Instance>, texts: &Texts, to: &Sender<(Instance, Option<Program>)>) {
    for instance in share {
        let program = load(texts, instance).ok();
        if to.send((instance, program)).is_err() {
            // Nobody waits any more.
            return;
        }
    }
}
