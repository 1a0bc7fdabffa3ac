//! The pulses of one fault: a loop for each cgroup, counted together.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex};

use injector_core::plan::Hook;

use super::dice::Dice;
use crate::pulses::{Ending, Progress, Pulses, Reason};
use crate::target;

/// Pulses at several cgroups, which may be replaced by others while the fault goes on.
#[derive(Debug)]
pub(super) struct Trains {
    running: Vec<(Hook, Pulses)>,
    /// Those that have ended and will not be followed.
    ended: Vec<Ending>,
    /// A loop has ended without saying how.
    panicked: bool,
    /// What was done at cgroups that are gone.
    before: Progress,
    /// Pulses of the cgroup that had most of them, among those that are gone.
    pulses: u64,
    /// Of all of them together, for `max_hits`.
    dice: Arc<Mutex<Dice>>,
}

impl Trains {
    pub(super) fn new(dice: Dice) -> Self {
        Self {
            running: Vec::new(),
            ended: Vec::new(),
            panicked: false,
            before: Progress::default(),
            pulses: 0,
            dice: Arc::new(Mutex::new(dice)),
        }
    }

    pub(super) fn add(&mut self, hook: Hook, pulses: Pulses) {
        self.running.push((hook, pulses));
    }

    pub(super) fn dice(&self) -> Arc<Mutex<Dice>> {
        Arc::clone(&self.dice)
    }

    /// Pulses that a cgroup has had which takes the place of one that is gone.
    pub(super) fn pulses_before(&self) -> u64 {
        self.pulses
    }

    pub(super) fn is_at(&self, hook: &Hook) -> bool {
        self.running.iter().any(|(at, _pulses)| at == hook)
    }

    pub(super) fn progress(&self) -> Progress {
        let running = self.running.iter().map(|(_hook, pulses)| pulses.progress());
        let ended = self.ended.iter().map(|ending| ending.progress);
        running.chain(ended).fold(self.before, add)
    }

    /// Tells all of them to end, without waiting.
    pub(super) fn halt(&self) {
        for (_hook, pulses) in &self.running {
            pulses.halt();
        }
    }

    /// Collects those that have ended. Where the target may come back, a cgroup that has vanished does
    /// not end the fault.
    pub(super) fn collect(&mut self, may_come_back: bool) {
        let running = std::mem::take(&mut self.running).into_iter();
        let (over, running): (Vec<_>, Vec<_>) =
            running.partition(|(_hook, pulses)| pulses.has_ended());
        self.running = running;
        for (hook, pulses) in over {
            let Some(ending) = pulses.stop() else {
                self.panicked = true;
                continue;
            };
            if may_come_back && has_left(&hook, &ending) {
                self.pulses = self.pulses.max(ending.progress.counters.matched);
                self.before = add(self.before, ending.progress);
            } else {
                self.ended.push(ending);
            }
        }
    }

    /// Whether all have ended, and not because their cgroups may come back.
    pub(super) fn has_ended(&self) -> bool {
        self.running.is_empty() && (self.panicked || !self.ended.is_empty())
    }

    /// Ends those at cgroups that are not among these.
    pub(super) fn leave(&mut self, planned: &[Hook]) {
        let running = std::mem::take(&mut self.running).into_iter();
        let (stay, go): (Vec<_>, Vec<_>) =
            running.partition(|(hook, _pulses)| planned.contains(hook));
        self.running = stay;
        for (_hook, pulses) in go {
            match pulses.stop() {
                Some(ending) if ending.not_undone.is_none() => {
                    self.pulses = self.pulses.max(ending.progress.counters.matched);
                    self.before = add(self.before, ending.progress);
                }
                Some(ending) => self.ended.push(ending),
                None => self.panicked = true,
            }
        }
    }

    /// Ends all of them, undone, and tells how it ended; none if a thread panicked.
    pub(super) fn stop(self) -> Option<Ending> {
        self.halt();
        let progress = self.before;
        let running = self.running.into_iter();
        let stopped = running.map(|(_hook, pulses)| pulses.stop());
        let endings = stopped.chain(self.ended.into_iter().map(Some));
        let nothing = Ending {
            reason: Reason::Stopped,
            not_undone: None,
            progress,
        };
        let all: Option<Vec<Ending>> = endings.collect();
        all.filter(|_| !self.panicked).map(|all| {
            let together = all.into_iter().reduce(worse);
            match together {
                Some(ending) => Ending {
                    progress: add(progress, ending.progress),
                    ..ending
                },
                None => nothing,
            }
        })
    }
}

/// Whether pulses ended because nobody was there, and nothing is left to undo.
fn has_left(hook: &Hook, ending: &Ending) -> bool {
    let nobody = match &ending.reason {
        Reason::Vanished => true,
        Reason::Refused(error) if error.is_empty() => true,
        // It may have vanished between any two steps.
        Reason::Refused(_) | Reason::Failed(_) => !is_there(hook),
        Reason::Over | Reason::Stopped | Reason::KeeperDied => false,
    };
    nobody && ending.not_undone.is_none()
}

/// Whether the cgroup that was planned for is still the one of its path.
fn is_there(hook: &Hook) -> bool {
    let (Hook::Freezer {
        hierarchy,
        path,
        id,
    }
    | Hook::Setting {
        hierarchy,
        path,
        id,
        ..
    }) = hook
    else {
        return false;
    };
    let found = target::folder(hierarchy, path).and_then(|folder| fs::metadata(folder).ok());
    found.is_some_and(|found| found.ino() == *id)
}

/// Both together: what could not be undone is not forgotten.
fn worse(one: Ending, other: Ending) -> Ending {
    let progress = add(one.progress, other.progress);
    let ending = if one.not_undone.is_some() { one } else { other };
    Ending { progress, ..ending }
}

fn add(one: Progress, other: Progress) -> Progress {
    let mut counters = one.counters;
    counters += other.counters;
    Progress {
        counters,
        unsettled: one.unsettled + other.unsettled,
        held_ns: one.held_ns + other.held_ns,
        settling_ns: one.settling_ns + other.settling_ns,
        taken_back: one.taken_back + other.taken_back,
        strain: one.strain + other.strain,
    }
}
