//! Both halves, and what is left after them.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use injector_user::protocol::Which;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::super::row::{Row, Rows};
use super::super::suite::Effort;
use super::actors::{Over, join, pause, start};
use super::engine::{Home, Pair};
use super::harm::batter;
use super::place::Place;
use super::state::Held;
use super::tally::Tally;
use crate::client::Client;
use crate::snapshot::HostSnapshot;
use crate::wait_until;

/// What the allocator keeps of what was used once, in MiB.
const ALLOWANCE: f64 = 8.0;
/// What may be kept for the next fault beside what was kept already.
const SPARES: u32 = 8;
/// The engine takes apart what has ended when it has time.
const PATIENCE: Duration = Duration::from_secs(20);

pub(in super::super) fn measure(effort: Effort) -> Result<Rows> {
    let mut home = Home::make()?;
    let place = Place::make(home.path().to_owned())?;
    let before = place.snapshot()?;
    let half = effort.soak() / 2;
    let calm = Tally::default();
    let mut rows = leaks(effort, &mut home, &place, half, &calm)?;
    effort.progress("second half: engine and keeper are killed and stopped");
    let rough = Tally::default();
    let luck = &mut StdRng::seed_from_u64(2);
    amid(&place, &rough, 2, || batter(&mut home, half, luck, &rough))?;
    rows.extend(aftermath(&mut home, &place, &before)?);
    rows.extend(counted("first half", &calm));
    rows.extend(counted("second half", &rough));
    Ok(rows)
}

/// Who is stuck and what is left when everything has ended.
fn aftermath(home: &mut Home, place: &Place, before: &HostSnapshot) -> Result<Rows> {
    let stuck = place.stuck()?;
    home.end()?;
    let residue = before.await_same();
    let note = residue.as_ref().err().map(ToString::to_string);
    let left = f64::from(u8::from(residue.is_err()));
    let panics = home.log().matches("panicked").count();
    let none = |metric: &str, number: usize, n: usize| {
        Row::new(metric, "", count(number as u64), n).holds(number == 0)
    };
    Ok(vec![
        none("targets stuck", stuck, place.cgroups.len()),
        Row::new("something left on the host", "", left, 1)
            .holds(residue.is_ok())
            .note(note.unwrap_or_default()),
        none("panics of engines", panics, 1),
    ])
}

/// The first half: what one engine holds after it, against what it held after a quarter of it.
fn leaks(
    effort: Effort,
    home: &mut Home,
    place: &Place,
    half: Duration,
    tally: &Tally,
) -> Result<Rows> {
    let Pair { engine, .. } = home.engine()?;
    // What is made once, or kept for the next one, is there after this.
    amid(place, tally, 0, || pause(half / 4))?;
    let before = settled(home, engine, None)?;
    effort.progress(&format!("after a quarter of the first half: {before:?}"));
    amid(place, tally, 1, || pause(half * 3 / 4))?;
    let after = settled(home, engine, Some(before))?;
    effort.progress(&format!("after the first half: {after:?}"));
    Ok(compared(before, after))
}

/// What the engine holds when nothing is armed; it has time to come down to `aim`.
fn settled(home: &mut Home, engine: i32, aim: Option<Held>) -> Result<Held> {
    let alive = home.engine()?.engine == engine;
    ensure!(alive, "the engine ended by itself: {}", home.log());
    Client::connect(&home.socket())?.stop(Which::All)?;
    let mut held = Held::by(engine)?;
    if let Some(aim) = aim {
        // What stays is told by the rows.
        let _stays = wait_until("the engine has let go", PATIENCE, || {
            held = Held::by(engine).unwrap_or(held);
            held.descriptors <= aim.descriptors && held.threads <= aim.threads
        });
    }
    Ok(held)
}

fn compared(before: Held, after: Held) -> Rows {
    let same = |metric: &str, before: u32, after: u32| {
        let row = Row::new(metric, "", f64::from(after), 1).peer(f64::from(before));
        let kept = format!("peer: earlier; holds: at most {SPARES} more, kept for the next fault");
        row.holds(after <= before + SPARES).note(kept)
    };
    vec![
        same(
            "engine's descriptors",
            before.descriptors,
            after.descriptors,
        ),
        same(
            "engine's programs, maps, links",
            before.kernel_objects,
            after.kernel_objects,
        ),
        same("engine's threads", before.threads, after.threads),
        Row::new("engine's memory", "MiB", after.resident, 1)
            .peer(before.resident)
            .holds(after.resident <= before.resident + ALLOWANCE)
            .note(format!("holds: at most {ALLOWANCE} MiB more than earlier")),
    ]
}

/// Has everybody at work while `act` goes on.
fn amid(place: &Place, tally: &Tally, half: u64, act: impl FnOnce() -> Result<()>) -> Result<()> {
    let over = Over::default();
    thread::scope(|scope| {
        let handles = start(scope, place, &over, tally, half);
        let acted = act();
        over.declare();
        let joined = join(handles);
        acted.and(joined)
    })
}

fn counted(half: &str, tally: &Tally) -> Rows {
    let all = tally.all().into_iter();
    all.map(|(what, number)| Row::new(format!("{half}: {what}"), "", count(number), 1))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}
