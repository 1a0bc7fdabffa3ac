//! The line of a probe's values, thinned to what the eye can tell apart.

use super::axis::Axis;
use super::markup::Markup;
use crate::report::model::Sample;

/// One drawn column: all samples that fall on the same pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Column {
    x: f64,
    low: f64,
    high: f64,
    first: f64,
    last: f64,
}

/// The path of the values. It is interrupted where the probe did not answer, and every pixel keeps
/// its lowest and highest value: thinning must not hide a spike.
pub(super) fn path(samples: &[Sample], x: &Axis, y: &Axis) -> String {
    let mut out = Markup::default();
    for run in samples.split(|sample| sample.v.is_none()) {
        for (index, column) in columns(run, x).iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let px = column.x;
            out.put(format_args!("{command}{px:.1} {:.1}", y.at(column.first)));
            if column.high > column.low {
                let (low, high, last) = (y.at(column.low), y.at(column.high), y.at(column.last));
                out.put(format_args!(
                    "L{px:.1} {low:.1}L{px:.1} {high:.1}L{px:.1} {last:.1}"
                ));
            }
        }
    }
    out.into_string()
}

fn columns(run: &[Sample], x: &Axis) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for sample in run {
        let Some(value) = sample.v.filter(|value| value.is_finite()) else {
            continue;
        };
        let px = x.at(sample.t).round();
        match columns.last_mut() {
            Some(column) if (column.x - px).abs() < 0.5 => {
                column.low = column.low.min(value);
                column.high = column.high.max(value);
                column.last = value;
            }
            _ => columns.push(Column {
                x: px,
                low: value,
                high: value,
                first: value,
                last: value,
            }),
        }
    }
    columns
}

/// The pixels at which a sample was not tolerated, each once.
pub(super) fn bad_pixels(samples: &[Sample], x: &Axis) -> Vec<f64> {
    let mut pixels: Vec<f64> = samples
        .iter()
        .filter(|sample| !sample.ok)
        .map(|sample| x.at(sample.t).round())
        .collect();
    pixels.dedup();
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> (Axis, Axis) {
        (
            Axis::new((0.0, 100.0), (0.0, 10.0)),
            Axis::new((0.0, 10.0), (10.0, 0.0)),
        )
    }

    fn sample(t: f64, v: impl Into<Option<f64>>) -> Sample {
        let v = v.into();
        Sample {
            t,
            v,
            ok: v.is_some(),
        }
    }

    #[test]
    fn a_spike_between_two_pixels_is_still_drawn() {
        let (x, y) = axes();
        let samples = [sample(10.0, 1.0), sample(10.5, 9.0), sample(11.0, 1.0)];
        assert_eq!(path(&samples, &x, &y), "M1.0 9.0L1.0 9.0L1.0 1.0L1.0 9.0");
    }

    #[test]
    fn a_missing_answer_interrupts_the_line() {
        let (x, y) = axes();
        let samples = [sample(0.0, 1.0), sample(50.0, None), sample(100.0, 1.0)];
        assert_eq!(path(&samples, &x, &y), "M0.0 9.0M10.0 9.0");
        assert_eq!(bad_pixels(&samples, &x), [5.0]);
    }
}
