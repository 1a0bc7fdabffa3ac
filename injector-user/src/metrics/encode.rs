//! One metric with all its series, as prometheus-client writes them.

use std::fmt;

use injector_core::telemetry::{
    Histogram, Label, Metric, MetricKind, OCTAVES, Unit, Value, octave_bounds,
};
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabel as _, EncodeLabelSet, LabelSetEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry;

/// Of a series.
#[derive(Debug)]
struct Labels<'a> {
    names: &'static [Label],
    values: &'a [String],
}

/// Writes a metric and its series; nothing if there are none.
pub(super) fn metric<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    metric: &Metric,
    series: impl IntoIterator<Item = (&'a [String], &'a Value)>,
) -> fmt::Result {
    let mut series = series.into_iter().peekable();
    if series.peek().is_none() {
        return Ok(());
    }
    let unit = unit(metric.unit);
    let help = format!("{}.", metric.help);
    let kind = match metric.kind {
        MetricKind::Counter => MetricType::Counter,
        MetricKind::Gauge => MetricType::Gauge,
        MetricKind::Histogram => MetricType::Histogram,
    };
    let mut encoder = encoder.encode_descriptor(metric.name, &help, unit.as_ref(), kind)?;
    for (values, value) in series {
        if metric.labels.is_empty() {
            one(&mut encoder, metric, value)?;
            continue;
        }
        let labels = Labels {
            names: metric.labels,
            values,
        };
        one(&mut encoder.encode_family(&labels)?, metric, value)?;
    }
    Ok(())
}

/// How many lines Prometheus has a series for.
pub(super) fn lines(kind: MetricKind) -> usize {
    match kind {
        MetricKind::Counter | MetricKind::Gauge => 1,
        // Its bounds and infinity, sum and count.
        MetricKind::Histogram => OCTAVES + 3,
    }
}

/// What is not of the metric's kind says nothing; that would be a mistake of ours.
fn one(encoder: &mut MetricEncoder<'_>, metric: &Metric, value: &Value) -> fmt::Result {
    match (metric.kind, value) {
        (MetricKind::Counter, Value::Count(count)) if metric.unit == Unit::Seconds => {
            encoder.encode_counter::<NoLabelSet, f64, f64>(&metric.in_unit(*count), None)
        }
        (MetricKind::Counter, Value::Count(count)) => {
            encoder.encode_counter::<NoLabelSet, u64, f64>(count, None)
        }
        (MetricKind::Gauge, Value::Count(count)) => encoder.encode_gauge(count),
        (MetricKind::Gauge, Value::Now(value)) => encoder.encode_gauge(value),
        (MetricKind::Histogram, Value::Durations(durations)) => histogram(encoder, durations),
        _ => {
            debug_assert!(false, "{} {value:?}", metric.name);
            Ok(())
        }
    }
}

fn histogram(encoder: &mut MetricEncoder<'_>, durations: &Histogram) -> fmt::Result {
    let bounds = octave_bounds().map(seconds).chain([f64::INFINITY]);
    let mut buckets = [(0.0, 0); OCTAVES + 1];
    for (bucket, both) in buckets.iter_mut().zip(bounds.zip(durations.by_octave())) {
        *bucket = both;
    }
    let sum = seconds(durations.total_ns());
    encoder.encode_histogram::<NoLabelSet>(sum, durations.count(), &buckets, None)
}

fn unit(unit: Unit) -> Option<registry::Unit> {
    match unit {
        Unit::None => None,
        Unit::Seconds => Some(registry::Unit::Seconds),
        Unit::Bytes => Some(registry::Unit::Bytes),
        // The Prometheus conventions say it in the singular.
        Unit::Ratio => Some(registry::Unit::Other("ratio".to_owned())),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sums of months keep their nanoseconds"
)]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        for (label, value) in self.names.iter().zip(self.values) {
            (label.name, value.as_str()).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}
