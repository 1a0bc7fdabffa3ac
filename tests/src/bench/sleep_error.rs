//! How exactly a caller sleeps whose call takes longer.
//!
//! A process asks for its session again and again, and `syscall.delay` lets each call take longer once it
//! has been made. The error is the time that the call took beyond the latency asked for, as the process
//! itself felt it: its own waking up is in it. Beside it stands the median without the fault, just before.

use std::time::Duration;

use anyhow::{Result, ensure};
use injector_core::fault::Kind;
use injector_user::clock::monotonic_ns;
use injector_user::sys::poll;

use super::attempt::Attempt;
use super::row::{Row, Rows};
use super::statistics::{median, microseconds, percentile};
use super::subject::{Habit, Subject};
use super::suite::Effort;
use crate::client::{Client, params};
use crate::engine::Engine;

/// With how many calls of each.
const LATENCIES_MS: [(u64, usize); 4] = [(1, 400), (5, 400), (20, 200), (100, 60)];

const BEFORE: Duration = Duration::from_millis(300);

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let mut rows = Rows::new();
    for (latency_ms, calls) in LATENCIES_MS {
        effort.progress(&format!("{latency_ms} ms"));
        rows.extend(one(&mut client, latency_ms, effort.rounds(calls))?);
    }
    Ok(rows)
}

fn one(client: &mut Client, latency_ms: u64, calls: usize) -> Result<Rows> {
    let subject = Subject::start(Habit::Asks)?;
    poll::wait_readable([], BEFORE)?;
    let (target, latency) = (format!("pid:{}", subject.pid()), format!("{latency_ms}ms"));
    let given = params([
        ("target", target.as_str()),
        ("syscalls", "getsid"),
        ("moment", "after"),
        ("latency", &latency),
        ("duration", "5m"),
    ]);
    let armed = client.arm(Kind::SyscallDelay, &given)?;
    let begun_ns = monotonic_ns();
    let each = Duration::from_millis(latency_ms + 1);
    poll::wait_readable([], each.saturating_mul(u32::try_from(calls)?))?;
    let ended_ns = monotonic_ns();
    client.stop_one(&armed)?;
    let felt = subject.finish()?;
    let before = times(&felt, |begun, _| begun < begun_ns - 50_000_000);
    let asked = Duration::from_millis(latency_ms).as_secs_f64() * 1e6;
    let during = times(&felt, |begun, done| begun > begun_ns && done < ended_ns);
    let errors: Vec<f64> = during.iter().map(|time| time - asked).collect();
    ensure!(errors.len() * 2 > calls, "few slept: {}", errors.len());
    let note = format!(
        "median without the fault {:.1} us; longest error {:.0} us",
        median(&before),
        percentile(&errors, 1.0)
    );
    let row = |name: &str, part, aim| {
        let metric = format!("error of {latency_ms} ms asleep, {name}");
        Row::new(metric, "us", percentile(&errors, part), errors.len())
            .at_most(aim)
            .note(note.clone())
    };
    Ok(vec![
        row("least", 0.0, 1_000.0),
        row("p50", 0.5, 3_000.0),
        row("p99", 0.99, 10_000.0),
    ])
}

/// How long those took, in microseconds.
fn times(felt: &[Attempt], meant: impl Fn(u64, u64) -> bool) -> Vec<f64> {
    let done = felt
        .iter()
        .filter_map(|one| Some((one.begun_ns, one.done_ns?)));
    let meant = done.filter(|(begun, done)| meant(*begun, *done));
    meant
        .map(|(begun, done)| microseconds(begun, done))
        .collect()
}
