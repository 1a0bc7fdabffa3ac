//! Injected events, as the kernel tells them in its ring buffer: examples beside the counters.
//!
//! The kernel wakes nobody for them: they are read when somebody asks what a fault has done. A buffer
//! that is full by then has lost the newest; the counters have lost nothing.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use aya::maps::{MapData, RingBuf};
use injector_abi::Event;
use serde::{Deserialize, Serialize};

use super::slots::Slot;

/// How many are kept for each fault.
const KEPT: usize = 16;

/// One injected event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Injection {
    /// Monotonic nanoseconds.
    pub at_ns: u64,
    /// Which of the plan's hooks it happened at, from 0.
    pub hook: usize,
    /// Which matching event it was in its stream, from 1: what `when` counts.
    pub hit: u64,
    /// 0 for packets, else the ordinal of the thread group in order of appearance.
    pub stream: u64,
}

/// The ring buffer, and the newest of what was read of it.
pub(super) struct Examples {
    ring: RingBuf<MapData>,
    newest: BTreeMap<Slot, VecDeque<Event>>,
    /// All that were read of the slots that somebody follows, until they are taken.
    followed: BTreeMap<Slot, Vec<Event>>,
}

impl fmt::Debug for Examples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Examples").finish_non_exhaustive()
    }
}

impl Examples {
    pub(super) fn new(ring: RingBuf<MapData>) -> Self {
        Self {
            ring,
            newest: BTreeMap::new(),
            followed: BTreeMap::new(),
        }
    }

    /// The newest that are known of the fault in `slot`, oldest first.
    pub(super) fn of(&mut self, slot: Slot) -> impl Iterator<Item = Event> {
        self.read();
        self.newest.get(&slot).into_iter().flatten().copied()
    }

    /// Forgets the fault that had `slot`.
    pub(super) fn forget(&mut self, slot: Slot) {
        self.read();
        self.newest.remove(&slot);
        self.followed.remove(&slot);
    }

    /// From now on keeps all events of `slot` for [`Examples::take`], which must be called often.
    pub(super) fn follow(&mut self, slot: Slot) {
        self.followed.insert(slot, Vec::new());
    }

    /// Every event of `slot` that was read since the last time, oldest first.
    pub(super) fn take(&mut self, slot: Slot) -> Vec<Event> {
        self.read();
        let kept = self.followed.get_mut(&slot);
        kept.map(std::mem::take).unwrap_or_default()
    }

    /// At most as much as fits into the buffer: packets that keep coming do not keep us here.
    fn read(&mut self) {
        for _ in 0..AT_ONCE {
            let Some(item) = self.ring.next() else {
                return;
            };
            let Some(event) = decoded(&item) else {
                continue;
            };
            if let Some(all) = self.followed.get_mut(&event.slot) {
                all.push(event);
            }
            let kept = self.newest.entry(event.slot).or_default();
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(event);
        }
    }
}

/// Events that fit into the buffer, and a few more.
const AT_ONCE: usize = 8192;

fn decoded(bytes: &[u8]) -> Option<Event> {
    let word = |index: usize| {
        let bytes = bytes.get(index * 8..)?.first_chunk()?;
        Some(u64::from_ne_bytes(*bytes))
    };
    let half = |index: usize| {
        let bytes = bytes.get(index * 4..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*bytes))
    };
    Some(Event {
        at_ns: word(0)?,
        hit: word(1)?,
        stream: word(2)?,
        slot: half(6)?,
        hook: half(7)?,
    })
}

#[cfg(test)]
mod tests {
    use injector_abi::Event;

    use super::decoded;

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        for word in [1_u64 << 40, 2, 3] {
            bytes.extend(word.to_ne_bytes());
        }
        for half in [4_u32, 5] {
            bytes.extend(half.to_ne_bytes());
        }
        let event = Event {
            at_ns: 1 << 40,
            hit: 2,
            stream: 3,
            slot: 4,
            hook: 5,
        };
        assert_eq!(decoded(&bytes), Some(event));
        assert_eq!(decoded(&bytes[..31]), None);
    }
}
