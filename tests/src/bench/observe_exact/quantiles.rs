//! Quantiles of a histogram beside those of every single duration.

use anyhow::{Context as _, Result, ensure};
use injector_core::telemetry::{Histogram, Signal};
use injector_user::freezer::Flavour;

use super::super::doer::{Deed, Doer};
use super::super::row::Row;
use super::super::seen::settled;
use super::super::statistics::{float, percentile};
use super::super::suite::Effort;
use super::storms::observe;
use crate::cgroup::Cgroup;
use crate::engine::Engine;
use crate::seen::durations;

/// 7 ms each on average.
const WAITS: usize = 3_000;
/// The call with which it waits.
const CALL: &str = "ppoll";
const SHARES: [f64; 3] = [0.5, 0.9, 0.99];
const AIM_PERCENT: f64 = 5.0;

pub(super) fn measure(effort: Effort, engine: &Engine) -> Result<Row> {
    let cgroup = Cgroup::make(Flavour::V2, "waits")?;
    let mut doer = Doer::start(Deed::Waits)?;
    cgroup.enter(doer.pid())?;
    let label = cgroup.target();
    let mut client = observe(engine, &[&label], Signal::Syscalls)?;
    effort.progress("waits");
    let waits = effort.rounds(WAITS);
    let exact = doer.perform(waits)?.into_iter().map(usize::try_from);
    let exact: Vec<f64> = exact
        .map(|took| took.map(float))
        .collect::<Result<_, _>>()?;
    let seen = |frame: &_| durations(frame, "syscall_duration", &[&label, CALL]);
    let frame = settled(&mut client, |frame| Ok(seen(frame)?.count()))?;
    let seen = seen(&frame)?;
    ensure!(seen.count() == waits as u64, "{} waits", seen.count());
    let mut errors = Vec::new();
    for share in SHARES {
        errors.push(error(&seen, &exact, share)?);
    }
    let everywhere = (1..100).map(|percent| error(&seen, &exact, float(percent) / 100.0));
    let everywhere: Vec<f64> = everywhere.collect::<Result<_>>()?;
    let signed: Vec<String> = errors.iter().map(|error| format!("{error:+.1}")).collect();
    let note = format!(
        "{} %; of all percentiles from 1 to 99: {:.1} %",
        signed.join(", "),
        worst(&everywhere)
    );
    let metric = "p50, p90, p99 of 50 us to 50 ms, greatest error";
    let row = Row::new(metric, "%", worst(&errors), waits);
    Ok(row.at_most(AIM_PERCENT).note(note))
}

/// How much greater the frame's is, in percent of the exact one.
fn error(seen: &Histogram, exact: &[f64], share: f64) -> Result<f64> {
    let seen = seen.quantile(share).context("there are durations")?;
    let exact = percentile(exact, share);
    Ok(100.0 * (float(usize::try_from(seen)?) - exact) / exact)
}

fn worst(errors: &[f64]) -> f64 {
    errors.iter().map(|error| error.abs()).fold(0.0, f64::max)
}
