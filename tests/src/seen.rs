//! What frames say.

use anyhow::{Context as _, Result};
use injector_core::telemetry::{Frame, Histogram, Series, Value, named};

/// What a series counts, 0 if there is none.
pub fn count(frame: &Frame, metric: &str, labels: &[&str]) -> Result<u64> {
    Ok(value(frame, metric, labels)?.map_or(0, Value::count))
}

/// Its durations; none if there is none.
pub fn durations(frame: &Frame, metric: &str, labels: &[&str]) -> Result<Histogram> {
    match value(frame, metric, labels)? {
        Some(Value::Durations(histogram)) => Ok(histogram.clone()),
        _ => Ok(Histogram::default()),
    }
}

/// What a series says now, if there is one.
pub fn gauge(frame: &Frame, metric: &str, labels: &[&str]) -> Result<Option<f64>> {
    Ok(match value(frame, metric, labels)? {
        Some(Value::Now(value)) => Some(*value),
        _ => None,
    })
}

fn value<'a>(frame: &'a Frame, metric: &str, labels: &[&str]) -> Result<Option<&'a Value>> {
    let metric = named(metric).map_err(anyhow::Error::msg)?;
    anyhow::ensure!(
        metric.labels.len() == labels.len(),
        "{} has other labels",
        metric.name
    );
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    let series = Series::of(metric, labels).context("a metric of the reference")?;
    Ok(frame.values.get(&series))
}
