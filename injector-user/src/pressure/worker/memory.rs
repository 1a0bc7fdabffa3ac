//! Memory: pages are written to, and touched again so that they stay resident.

use std::time::Duration;

use injector_core::fault::pressure::Pattern;
use procfs::process::Process;
use procfs::{Current as _, Meminfo};

use super::super::page::Word;
use super::life::Life;
use super::random::Random;
use crate::clock::monotonic_ns;

/// What is taken, and given back, at a time. Above what a C library keeps for itself when it is freed
/// (`M_MMAP_THRESHOLD`, 32 MiB at most), so that it is the kernel's at once.
const CHUNK: usize = 64 << 20;
/// What is filled between two looks at what is left to the host.
const STEP: usize = 1 << 20;
const STEP_ROOM: i64 = 1 << 20;
const PAGE: usize = 4096;

/// How often is looked whether the host has enough.
const LOOK: Duration = Duration::from_millis(20);
/// How often all of it is touched.
const TOUCH_NS: u64 = 1_000_000_000;

/// Memory that is to be held.
#[derive(Debug)]
pub(super) struct Hoard {
    chunks: Vec<Vec<u8>>,
    held: u64,
    wanted: u64,
    reserve: u64,
    ramp_ns: u64,
    pattern: Pattern,
    random: Random,
}

impl Hoard {
    pub(super) fn new(wanted: u64, reserve: u64, ramp_ns: u64, pattern: Pattern) -> Self {
        Self {
            chunks: Vec::new(),
            held: 0,
            wanted,
            reserve,
            ramp_ns,
            pattern,
            random: Random::new(monotonic_ns()),
        }
    }

    /// How much is to be held so long after the beginning.
    fn due(&self, elapsed_ns: u64) -> u64 {
        if elapsed_ns >= self.ramp_ns {
            return self.wanted;
        }
        let share = u128::from(self.wanted) * u128::from(elapsed_ns) / u128::from(self.ramp_ns);
        u64::try_from(share).unwrap_or(self.wanted)
    }

    /// Takes one step more.
    fn grow(&mut self, due: u64) {
        let left = usize::try_from(due - self.held).unwrap_or(STEP).min(STEP);
        let full = self.chunks.last().is_none_or(|chunk| chunk.len() >= CHUNK);
        if full {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            let begin = chunk.len();
            let end = CHUNK.min(begin + left);
            chunk.resize(end, 0xff);
            if let (Pattern::Random, Some(new)) = (self.pattern, chunk.get_mut(begin..)) {
                self.random.fill(new);
            }
            self.held += (end - begin) as u64;
        }
    }

    /// Gives the last chunk back: how much that was.
    fn shrink(&mut self) -> u64 {
        let freed = self.chunks.pop().map_or(0, |chunk| chunk.len() as u64);
        self.held -= freed;
        freed
    }

    /// Writes to every page, so that none is the first to be swapped out.
    fn touch(&mut self) {
        for page in self
            .chunks
            .iter_mut()
            .flat_map(|chunk| chunk.chunks_mut(PAGE))
        {
            if let Some(byte) = page.first_mut() {
                *byte = std::hint::black_box(byte.wrapping_add(1));
            }
        }
    }
}

/// Goes on until it may not.
pub(super) fn hold(life: &Life, mut hoard: Hoard) {
    let page = life.page();
    let begun = page.get(Word::Begun);
    let before = resident();
    let mut touched = begun;
    let mut goes_on = true;
    while goes_on {
        let room = room(hoard.reserve);
        let due = hoard.due(monotonic_ns().saturating_sub(begun));
        if room.is_some_and(|room| room < 0) && hoard.held > 0 {
            page.add(Word::GivenBack, hoard.shrink());
            // What was given back is not taken again: the host needs it.
            hoard.wanted = hoard.held;
            goes_on = life.goes_on();
        } else if hoard.held < due && room.is_some_and(|room| room >= STEP_ROOM) {
            hoard.grow(due);
            goes_on = life.goes_on();
        } else {
            if monotonic_ns() >= touched + TOUCH_NS {
                hoard.touch();
                touched = monotonic_ns();
            }
            page.hold(resident().saturating_sub(before));
            goes_on = life.rest(LOOK);
        }
    }
}

/// What is available to the host beyond the reserve, below 0 if that has been touched; none if it could
/// not be read, and then nothing more is taken.
fn room(reserve: u64) -> Option<i64> {
    let available = Meminfo::current().ok()?.mem_available?;
    i64::try_from(available)
        .ok()?
        .checked_sub(i64::try_from(reserve).ok()?)
}

/// What this process holds of its own, in bytes; before Linux 6.2 up to 64 pages less.
fn resident() -> u64 {
    let status = Process::myself().and_then(|process| process.status());
    status
        .ok()
        .and_then(|status| status.rssanon)
        .unwrap_or_default()
        * 1024
}

#[cfg(test)]
mod tests {
    use injector_core::fault::pressure::Pattern;

    use super::{CHUNK, Hoard, STEP};

    #[test]
    fn a_ramp_is_even_and_ends_with_everything() {
        let hoard = Hoard::new(1_000, 0, 200, Pattern::Ones);
        assert_eq!(
            [0, 50, 199, 200, 900].map(|at| hoard.due(at)),
            [0, 250, 995, 1_000, 1_000]
        );
    }

    #[test]
    fn it_grows_to_what_is_due_and_shrinks_by_chunks() {
        let wanted = (CHUNK + STEP + 7) as u64;
        let mut hoard = Hoard::new(wanted, 0, 0, Pattern::Ones);
        while hoard.held < wanted {
            hoard.grow(wanted);
        }
        hoard.touch();
        assert_eq!((hoard.held, hoard.chunks.len()), (wanted, 2));
        assert_eq!(hoard.shrink(), (STEP + 7) as u64);
        assert_eq!(hoard.shrink(), CHUNK as u64);
        assert_eq!((hoard.held, hoard.shrink()), (0, 0));
    }
}
