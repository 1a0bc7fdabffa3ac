//! What frames say.

use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::telemetry::{Frame, Histogram, Series, Value, named};
use injector_user::sys::poll;

use crate::client::Client;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// Looks after which it is given up.
const PATIENCE: usize = 100;

/// What one series counts, 0 if there is none.
pub(super) fn count(frame: &Frame, metric: &str, labels: &[&str]) -> Result<u64> {
    Ok(value(frame, metric, labels)?.map_or(0, Value::count))
}

/// Durations of one series; none if there is none.
pub(super) fn durations(frame: &Frame, metric: &str, labels: &[&str]) -> Result<Histogram> {
    match value(frame, metric, labels)? {
        Some(Value::Durations(histogram)) => Ok(histogram.clone()),
        _ => Ok(Histogram::default()),
    }
}

/// What all series of a metric count together.
pub(super) fn sum(frame: &Frame, metric: &str) -> Result<u64> {
    let metric = named(metric).map_err(anyhow::Error::msg)?;
    Ok(frame.of(metric).map(|(_series, value)| value.count()).sum())
}

/// What was lost for these reasons.
pub(super) fn lost(frame: &Frame, reasons: &[&str]) -> Result<u64> {
    let counts = reasons
        .iter()
        .map(|reason| count(frame, "observer_lost", &[reason]));
    counts.sum()
}

/// A frame after which nothing comes any more, as `figure` has it: the last call of whoever has answered
/// may not have ended yet.
pub(super) fn settled(
    client: &mut Client,
    figure: impl Fn(&Frame) -> Result<u64>,
) -> Result<Frame> {
    let mut before = client.frame()?;
    for _look in 0..PATIENCE {
        poll::wait_readable([], PAUSE)?;
        let frame = client.frame()?;
        if figure(&frame)? == figure(&before)? {
            return Ok(frame);
        }
        before = frame;
    }
    anyhow::bail!("somebody goes on")
}

fn value<'a>(frame: &'a Frame, metric: &str, labels: &[&str]) -> Result<Option<&'a Value>> {
    let metric = named(metric).map_err(anyhow::Error::msg)?;
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    let series = Series::of(metric, labels).context("a metric of the reference")?;
    Ok(frame.values.get(&series))
}
