//! What the keeper says of leases at made-up times. Files stand for cgroups: what is in them is what
//! was done last.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use proptest::prelude::*;

use super::charge::{Charge, Mending};
use super::heart::{Cell, Heart};
use super::inbox::Inbox;
use super::message::name;
use super::watch::{End, Post, SECOND_CHANCE_NS, Watch};

/// Effects in the keeper's charge.
const EFFECTS: u8 = 3;

/// How long a lease is.
const LEASE_NS: u64 = 200_000_000;

/// When the story begins.
const DAWN: u64 = 1 << 40;

/// A keeper with some freezes in its charge, and no clock.
struct Story {
    watch: Watch,
    files: [File; EFFECTS as usize],
    _folder: tempfile::TempDir,
    /// Keeps the engine's end of the socket open.
    _engine: std::os::fd::OwnedFd,
}

impl Story {
    fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (kind, flags) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
        let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, flags).unwrap();
        let mut watch = Watch::new(Post {
            engine: File::open("/dev/null").unwrap().into(),
            socket: theirs,
            heart: Heart::new().unwrap(),
            inbox: Inbox::new().unwrap(),
            home: None,
            voice: None,
        });
        let files = [1, 2, 3].map(|effect| {
            let mut options = File::options();
            let options = options.create_new(true).read(true).write(true);
            let file = options.open(folder.path().join(effect.to_string()));
            let file = file.unwrap();
            let charge = Charge {
                mending: Mending::ThawV2,
                file: file.try_clone().unwrap().into(),
                log: File::open(folder.path()).unwrap().into(),
                entry: name(c"entry.json").unwrap(),
            };
            assert!(watch.take_charge(cell(effect), Some(charge)));
            file
        });
        Self {
            watch,
            files,
            _folder: folder,
            _engine: ours,
        }
    }

    fn write(&self, effect: u8, line: &str) {
        let file = &self.files[usize::from(effect) - 1];
        file.write_all_at(line.as_bytes(), 0).unwrap();
    }

    /// The loop of `effect` freezes its target at `now`.
    fn freeze(&self, effect: u8, now: u64) {
        self.beat(effect, now);
        self.write(effect, "1\n");
    }

    fn beat(&self, effect: u8, now: u64) {
        let heart = &self.watch.post.heart;
        heart.move_to(cell(effect), now + LEASE_NS);
    }

    /// The loop of `effect` thaws its target.
    fn thaw(&self, effect: u8) {
        self.watch.post.heart.rest(cell(effect));
        self.write(effect, "0\n");
    }

    fn is_frozen(&self, effect: u8) -> bool {
        let mut line = [0; 2];
        let file = &self.files[usize::from(effect) - 1];
        file.read_exact_at(&mut line, 0).unwrap();
        line == *b"1\n"
    }

    /// What the keeper says at `now`, who is never late itself.
    fn judge(&mut self, now: u64) -> Option<End> {
        self.watch.judge(now, 0)
    }
}

fn cell(effect: u8) -> Cell {
    Cell::effect(effect).unwrap()
}

/// Verdicts and the freezes then left, at times after the lease of one that stays late.
#[track_caller]
fn check<const N: usize>(late: [u64; N], expected: [(Option<End>, bool); N]) {
    let mut story = Story::begin();
    story.freeze(1, DAWN);
    assert_eq!(story.judge(DAWN + LEASE_NS - 1), None);
    assert!(story.is_frozen(1), "its lease is good");
    let found = late.map(|late| {
        let said = story.judge(DAWN + LEASE_NS + late);
        (said, story.is_frozen(1))
    });
    assert_eq!(found, expected);
}

#[test]
fn what_is_late_is_undone_at_once_and_its_engine_killed_only_later() {
    check(
        [0, SECOND_CHANCE_NS - 1, SECOND_CHANCE_NS],
        [(None, false), (None, false), (Some(End::Stuck), false)],
    );
}

#[test]
fn a_second_chance_is_counted_from_when_the_keeper_has_undone_it() {
    let seen = 7_000_000;
    check(
        [seen, SECOND_CHANCE_NS, seen + SECOND_CHANCE_NS],
        [(None, false), (None, false), (Some(End::Stuck), false)],
    );
}

#[test]
fn a_loop_that_is_back_is_forgiven_and_may_be_late_again() {
    let mut story = Story::begin();
    story.freeze(1, DAWN);
    let mut late = DAWN + LEASE_NS;
    for _ in 0..3 {
        assert_eq!(story.judge(late), None);
        assert!(!story.is_frozen(1));
        let back = late + SECOND_CHANCE_NS - 1;
        story.freeze(1, back);
        assert_eq!(story.judge(late + SECOND_CHANCE_NS), None);
        assert!(story.is_frozen(1), "what a loop does in time is its own");
        late = back + LEASE_NS;
    }
}

#[test]
fn who_becomes_late_in_the_second_chance_of_another_is_undone_too() {
    let mut story = Story::begin();
    story.freeze(1, DAWN);
    story.freeze(2, DAWN + 5_000_000);
    assert_eq!(story.judge(DAWN + LEASE_NS), None);
    assert_eq!([1, 2].map(|one| story.is_frozen(one)), [false, true]);
    assert_eq!(story.judge(DAWN + LEASE_NS + 10_000_000), None);
    assert!(!story.is_frozen(2));
}

#[test]
fn who_becomes_late_in_the_second_chance_of_another_has_one_of_its_own() {
    let mut story = Story::begin();
    story.freeze(1, DAWN);
    story.freeze(2, DAWN + 200_000_000);
    assert_eq!(story.judge(DAWN + LEASE_NS), None);
    let second = DAWN + LEASE_NS + 200_000_000;
    assert_eq!(story.judge(second), None);
    story.beat(1, second);
    assert_eq!(story.judge(DAWN + LEASE_NS + SECOND_CHANCE_NS), None);
    story.beat(1, second + SECOND_CHANCE_NS);
    assert_eq!(story.judge(second + SECOND_CHANCE_NS), Some(End::Stuck));
}

#[test]
fn the_engines_own_loop_has_no_second_chance() {
    let mut story = Story::begin();
    story.freeze(1, DAWN);
    let heart = &story.watch.post.heart;
    heart.move_to(Cell::ENGINE, DAWN + LEASE_NS);
    assert_eq!(story.judge(DAWN + LEASE_NS - 1), None);
    assert_eq!(story.judge(DAWN + LEASE_NS), Some(End::Stuck));
}

#[test]
fn what_somebody_freezes_after_it_was_undone_is_theirs() {
    let mut story = Story::begin();
    story.freeze(1, DAWN);
    assert_eq!(story.judge(DAWN + LEASE_NS), None);
    story.write(1, "1\n");
    assert_eq!(story.judge(DAWN + LEASE_NS + 10_000_000), None);
    assert!(story.is_frozen(1));
}

/// What the loop of an effect does between two looks.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Nothing,
    Beat,
    Freeze,
    Thaw,
}

fn step() -> impl Strategy<Value = (u64, [Doing; EFFECTS as usize])> {
    let doing = prop_oneof![
        12 => Just(Doing::Nothing),
        1 => Just(Doing::Beat),
        2 => Just(Doing::Freeze),
        1 => Just(Doing::Thaw),
    ];
    (1..=60_u64, [doing.clone(), doing.clone(), doing])
}

proptest! {
    /// The engine is killed at the first look at which a loop has been seen late for as long as a
    /// second chance lasts, and never before; and at no look does anybody stand still for a loop that
    /// is late.
    #[test]
    fn every_loop_has_its_second_chance_and_no_target_waits_for_it(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut story = Story::begin();
        let mut now = DAWN;
        let mut leases = [None; EFFECTS as usize];
        let mut late_since = [None; EFFECTS as usize];
        for (milliseconds, doings) in steps {
            now += milliseconds * 1_000_000;
            for ((effect, lease), doing) in (1..).zip(&mut leases).zip(doings) {
                match doing {
                    Doing::Nothing => {}
                    Doing::Beat if lease.is_none() => {}
                    Doing::Beat => {
                        story.beat(effect, now);
                        *lease = Some(now + LEASE_NS);
                    }
                    Doing::Freeze => {
                        story.freeze(effect, now);
                        *lease = Some(now + LEASE_NS);
                    }
                    Doing::Thaw => {
                        story.thaw(effect);
                        *lease = None;
                    }
                }
            }
            now += 1;
            let said = story.judge(now);
            let mut expected = None;
            for ((effect, lease), since) in (1..).zip(leases).zip(&mut late_since) {
                if lease.is_some_and(|lease| lease <= now) {
                    prop_assert!(!story.is_frozen(effect));
                    let since = *since.get_or_insert(now);
                    if now >= since + SECOND_CHANCE_NS {
                        expected = Some(End::Stuck);
                    }
                } else {
                    *since = None;
                }
            }
            prop_assert_eq!(said, expected);
            if said.is_some() {
                break;
            }
        }
    }
}
