//! Both halves, and what is left after them.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use injector_user::protocol::Which;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::super::row::{Row, Rows};
use super::super::suite::Effort;
use super::actors::{Over, join, pause, start};
use super::engine::Home;
use super::harm::batter;
use super::place::Place;
use super::state::Held;
use super::tally::Tally;
use crate::client::Client;
use crate::snapshot::HostSnapshot;
use crate::wait_until;

/// What the allocator keeps of what was used once, in MiB.
const ALLOWANCE: f64 = 8.0;
/// Parts of the first half; an engine is looked at after each.
const SLICES: u32 = 8;
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
    amid(&place, &rough, u64::from(SLICES) + 1, || {
        batter(&mut home, half, luck, &rough)
    })?;
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

/// The first half, in slices: what an engine holds after its last, against what the same one held after
/// its first, when what is made once or kept for the next one is there.
fn leaks(
    effort: Effort,
    home: &mut Home,
    place: &Place,
    half: Duration,
    tally: &Tally,
) -> Result<Rows> {
    let mut seen: Vec<(i32, Held)> = Vec::new();
    let begun = home.engine()?.engine;
    for slice in 1..=SLICES {
        amid(place, tally, slice.into(), || pause(half / SLICES))?;
        let (engine, held) = settled(home, seen.last().copied())?;
        effort.progress(&format!(
            "slice {slice} of {SLICES}: engine {engine}: {held:?}"
        ));
        seen.push((engine, held));
    }
    let mut engines: Vec<i32> = seen.iter().map(|(engine, _held)| *engine).collect();
    engines.insert(0, begun);
    engines.dedup();
    let ended = engines.len() - 1;
    let lost = Row::new(
        "engines that ended by themselves",
        "",
        count(ended as u64),
        1,
    );
    let mut rows = vec![lost.holds(ended == 0).note(home.log())];
    let last = engines.last().copied().unwrap_or(begun);
    let mut of_last = seen.iter().filter(|(engine, _held)| *engine == last);
    if let (Some((_, first)), Some((_, last))) = (of_last.next(), of_last.next_back()) {
        rows.extend(compared(*first, *last));
    }
    Ok(rows)
}

/// What the engine holds when nothing is armed; it has time to come down to what it held before.
fn settled(home: &mut Home, before: Option<(i32, Held)>) -> Result<(i32, Held)> {
    let engine = home.engine()?.engine;
    Client::connect(&home.socket())?.stop(Which::All)?;
    let mut held = Held::by(engine)?;
    if let Some((_same, aim)) = before.filter(|(before, _held)| *before == engine) {
        // What stays is told by the rows.
        let _stays = wait_until("the engine has let go", PATIENCE, || {
            held = Held::by(engine).unwrap_or(held);
            held.descriptors <= aim.descriptors + SPARES && held.threads <= aim.threads
        });
    }
    Ok((engine, held))
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
