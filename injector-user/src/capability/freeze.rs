//! Trials of the freezers: a process that answers, does not, and does again.

use std::time::Duration;

use super::obstacle::{Obstacle, not_seen};
use super::room::{Room, pause};
use super::subject::{PATIENCE, Subject};
use super::wire::Request;
use crate::clock::monotonic_ns;
use crate::freezer::{Flavour, Freezer, FreezerError, State};
use crate::safety::permit_housekeeping;
use crate::safety::undo::{Cause, Effect, Recorded, UndoLog};

/// How long silence is listened to; an answer takes some microseconds.
const SILENCE: Duration = Duration::from_millis(3);

/// Freezes and thaws the cgroup, which holds the subject alone.
pub(super) fn freezer(
    flavour: Flavour,
    room: &Room,
    subject: &Subject,
    log: Option<&UndoLog>,
) -> Result<(), Obstacle> {
    let permit = permit_housekeeping();
    let freezer = Freezer::open(flavour, room.folder())?;
    freezer.vet(&|pid| pid == subject.pid())?;
    let effect = Effect::Thaw {
        freezer: flavour,
        path: freezer.path().to_owned(),
        inode: freezer.inode(),
    };
    let record = |log: &UndoLog| log.record(&permit, effect, Cause::default());
    let recorded = log.map(record).transpose()?;
    let thawing = Thawing {
        freezer: &freezer,
        recorded,
    };
    await_state(&freezer, State::Frozen, || freezer.freeze(&permit))?;
    subject.tell(Request::Ping)?;
    if subject.hear(SILENCE)?.is_some() {
        return not_seen("the kernel called the cgroup frozen, and its process answered");
    }
    await_state(&freezer, State::Thawed, || freezer.thaw())?;
    if subject.hear(PATIENCE)?.is_none() {
        return not_seen("a process did not go on when its cgroup was thawed");
    }
    drop(thawing);
    Ok(())
}

/// Asks until the kernel says that it is so: version 1 may need to be asked again.
fn await_state(
    freezer: &Freezer,
    wanted: State,
    ask: impl Fn() -> Result<(), FreezerError>,
) -> Result<(), Obstacle> {
    let deadline = monotonic_ns() + u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
    loop {
        ask()?;
        if freezer.state()? == wanted {
            return Ok(());
        }
        if monotonic_ns() > deadline {
            return not_seen(format!("the cgroup did not become {wanted:?}"));
        }
        pause();
    }
}

/// Thaws, whatever becomes of the trial.
struct Thawing<'a> {
    freezer: &'a Freezer,
    recorded: Option<Recorded>,
}

impl Drop for Thawing<'_> {
    fn drop(&mut self) {
        let asked = self.freezer.thaw().and_then(|()| self.freezer.is_asked());
        if matches!(asked, Ok(false))
            && let Some(recorded) = self.recorded.take()
        {
            // Recovery would find nothing to thaw.
            let _harmless = recorded.done();
        }
        // Otherwise the guard, the undo log and the next prober have it.
    }
}
