//! Medians, percentiles and intervals.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// The value below which the share `part` (0 to 1) of the values lies, by nearest rank; 0 of none.
pub(super) fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * float(sorted.len())).ceil();
    let index = (1..=sorted.len()).find(|index| float(*index) >= rank);
    let found = index.and_then(|index| sorted.get(index - 1));
    found.copied().unwrap_or(0.0)
}

pub(super) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// A mean with the half width of its 95 % interval, by Student's t.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mean {
    pub(super) mean: f64,
    pub(super) half_width: f64,
}

impl Mean {
    /// Needs two values at least; the interval of fewer is infinite.
    pub(super) fn of(values: &[f64]) -> Self {
        let count = float(values.len());
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        let error = (squares.sum::<f64>() / (count - 1.0) / count).sqrt();
        let quantile = StudentsT::new(0.0, 1.0, count - 1.0).map(|t| t.inverse_cdf(0.975));
        let half_width = quantile.map_or(f64::INFINITY, |quantile| quantile * error);
        Self { mean, half_width }
    }
}

/// Counts and nanoseconds here are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^52")]
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

/// A time difference in microseconds; negative if `later` was earlier.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^52")]
pub(super) fn microseconds(earlier_ns: u64, later_ns: u64) -> f64 {
    later_ns.wrapping_sub(earlier_ns).cast_signed() as f64 / 1e3
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these are exact")]
mod tests {
    use super::{Mean, median, microseconds, percentile};

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(median(&values), 3.0);
        assert_eq!(percentile(&values, 0.99), 5.0);
        assert_eq!(percentile(&values, 0.2), 1.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn the_interval_of_a_mean_follows_students_t() {
        let mean = Mean::of(&[1.0, 2.0, 3.0]);
        assert!((mean.mean - 2.0).abs() < 1e-12);
        // 4.303 / sqrt(3)
        assert!((mean.half_width - 2.484).abs() < 1e-3, "{mean:?}");
    }

    #[test]
    fn differences_have_a_sign() {
        assert_eq!(microseconds(5_000, 2_000), -3.0);
    }
}
