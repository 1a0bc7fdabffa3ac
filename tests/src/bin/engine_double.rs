//! An engine reduced to its keeper and one freeze, for tests that kill, stop and wedge it.
//!
//! `engine-double pulses|wedged v1|v2 CGROUP-FOLDER UNDO-FOLDER`. It writes one line of JSON when the
//! cgroup is about to be frozen and one when the freeze has ended; it ends in order when its standard
//! input is closed.

use std::env;
use std::fs;
use std::io::{Write as _, stdin, stdout};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use injector_user::freezer::{Flavour, Freezer};
use injector_user::keeper::{self, Keeper, Mending, Undoing};
use injector_user::pulses::{Decision, Pulses, Pulsing, Train};
use injector_user::safety::permit_housekeeping;
use injector_user::safety::undo::{Cause, Effect, UndoLog};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

/// Longer than any test waits.
const LONG: Duration = Duration::from_mins(2);

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().collect();
    let [_, mode, flavour, cgroup, undo, train @ ..] = &arguments[..] else {
        bail!("usage: engine-double pulses|wedged v1|v2 CGROUP-FOLDER UNDO-FOLDER [TRAIN]");
    };
    let flavour = match flavour.as_str() {
        "v1" => Flavour::V1,
        _ => Flavour::V2,
    };
    let log = UndoLog::open(Path::new(undo))?;
    let keeper = keeper::start(&log)?;
    say(&json!({ "keeper": keeper.pid() }))?;
    let freezer = match Freezer::open(flavour, Path::new(cgroup)) {
        Ok(freezer) => freezer,
        Err(error) => return say(&json!({ "refused": error.to_string() })),
    };
    match mode.as_str() {
        "wedged" => wedged(&keeper, &log, &freezer),
        _ => pulses(&keeper, &log, freezer, parse(train)?),
    }
}

/// Milliseconds active, milliseconds dormant, how many pulses, milliseconds in all; without them one
/// pulse that is longer than any test.
fn parse(train: &[String]) -> Result<Train> {
    let numbers: Vec<u32> = train
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
    let milliseconds = |number| Duration::from_millis(u64::from(number));
    let (active, dormant, count, duration) = match numbers[..] {
        [active, dormant, count, duration] => (
            milliseconds(active),
            milliseconds(dormant),
            count,
            milliseconds(duration),
        ),
        _ => (LONG, Duration::ZERO, 1, LONG),
    };
    Ok(Train {
        delay: Duration::ZERO,
        active,
        dormant,
        count: Some(count),
        duration,
    })
}

/// Pulses, ended by the end of the input or the keeper's death. Every third one is passed over. Targets
/// are the processes called `cat`.
fn pulses(keeper: &Keeper, log: &UndoLog, freezer: Freezer, train: Train) -> Result<()> {
    let pulsing = Pulsing {
        condition: Box::new(freezer),
        train,
        cause: Cause::default(),
        is_target: Box::new(|pid| {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm"));
            comm.is_ok_and(|comm| comm == "cat\n")
        }),
        decide: Box::new(|number| match number % 3 {
            0 => Decision::Pass,
            _ => Decision::Inject,
        }),
        ended: Box::new(|ending| {
            let said = say(&json!({
                "reason": format!("{:?}", ending.reason),
                "undone": ending.not_undone.is_none(),
                "progress": ending.progress,
            }));
            debug_assert!(said.is_ok(), "{said:?}");
        }),
    };
    let pulses = match Pulses::start(permit_housekeeping(), keeper, log, pulsing) {
        Ok(pulses) => pulses,
        Err(error) => {
            return say(&json!({ "refused": format!("{:#}", anyhow::Error::from(error)) }));
        }
    };
    await_end(keeper)?;
    pulses.stop().context("the pulses panicked").map(drop)
}

/// A freeze whose loop has stopped turning, in an engine that is well otherwise.
fn wedged(keeper: &Keeper, log: &UndoLog, freezer: &Freezer) -> Result<()> {
    let permit = permit_housekeeping();
    let (effect, mending) = match freezer.flavour() {
        Flavour::V1 => (Flavour::V1, Mending::ThawV1),
        Flavour::V2 => (Flavour::V2, Mending::ThawV2),
    };
    let effect = Effect::Thaw {
        freezer: effect,
        path: freezer.path().to_owned(),
        inode: freezer.inode(),
    };
    let recorded = log.record(&permit, effect, Cause::default())?;
    let registration = keeper.register(&Undoing {
        mending,
        file: freezer.control(),
        recorded: &recorded,
    })?;
    registration.beat(Duration::from_millis(200));
    freezer.freeze(&permit)?;
    await_end(keeper)
}

fn await_end(keeper: &Keeper) -> Result<()> {
    let input = stdin();
    let mut fds = [
        PollFd::new(input.as_fd(), PollFlags::POLLIN),
        PollFd::new(keeper.pidfd(), PollFlags::POLLIN),
    ];
    poll(&mut fds, PollTimeout::NONE)?;
    Ok(())
}

fn say(line: &Value) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
