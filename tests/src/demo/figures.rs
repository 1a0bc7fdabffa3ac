//! A stretch of a client's life in a few numbers.

use std::fmt;

use super::client::{Operation, Outcome};

/// What a number of operations were like; times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub(super) struct Figures {
    pub(super) operations: usize,
    pub(super) errors: usize,
    pub(super) refused: usize,
    /// Quantiles over the operations that got an answer; 0 if none did.
    pub(super) p5: f64,
    pub(super) median: f64,
    pub(super) p95: f64,
    pub(super) longest: f64,
    /// Operations that took more than [`SLOW_MS`], or failed.
    pub(super) slow: usize,
}

/// Far above what an undisturbed operation takes here, far below what any fault of the demo costs.
pub(super) const SLOW_MS: f64 = 10.0;

impl Figures {
    pub(super) fn of(operations: &[Operation]) -> Self {
        let answered = operations.iter().filter(|it| it.is_ok());
        let mut times: Vec<f64> = answered.map(took_ms).collect();
        times.sort_by(f64::total_cmp);
        let failed = |it: &&Operation| !it.is_ok();
        let refused = |it: &&Operation| it.outcome == Outcome::Refused;
        Self {
            operations: operations.len(),
            errors: operations.iter().filter(failed).count(),
            refused: operations.iter().filter(refused).count(),
            p5: quantile(&times, 5),
            median: quantile(&times, 50),
            p95: quantile(&times, 95),
            longest: quantile(&times, 100),
            slow: operations
                .iter()
                .filter(|it| !it.is_ok() || took_ms(it) > SLOW_MS)
                .count(),
        }
    }

    /// The share of operations that were slow or failed, in `0..=1`.
    pub(super) fn slow_share(&self) -> f64 {
        share(self.slow, self.operations)
    }

    /// The share of operations that were refused, in `0..=1`.
    pub(super) fn refused_share(&self) -> f64 {
        share(self.refused, self.operations)
    }
}

/// Milliseconds with as many digits as matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ms(pub(super) f64);

impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms < 9.95 => write!(f, "{ms:.2} ms"),
            ms if ms < 99.5 => write!(f, "{ms:.1} ms"),
            ms if ms < 999.5 => write!(f, "{ms:.0} ms"),
            ms => write!(f, "{:.2} s", ms / 1e3),
        }
    }
}

/// A share as a percentage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Percent(pub(super) f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} %", self.0 * 100.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds, not centuries")]
pub(super) fn took_ms(operation: &Operation) -> f64 {
    operation.took_us as f64 / 1e3
}

fn share(part: usize, whole: usize) -> f64 {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 {
        0.0
    } else {
        float(part) / float(whole)
    }
}

/// The nearest-rank quantile of sorted numbers; 0 if there are none.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::client::Lane;
    use super::*;

    fn operation(took_us: u64, outcome: Outcome) -> Operation {
        Operation {
            lane: Lane::Primary,
            start_ns: 0,
            took_us,
            outcome,
        }
    }

    #[test]
    fn failures_count_as_slow_and_not_as_times() {
        let all = [
            operation(200, Outcome::Ok),
            operation(20_000, Outcome::Ok),
            operation(100, Outcome::Refused),
            operation(1_000_000, Outcome::Timeout),
        ];
        let expected = Figures {
            operations: 4,
            errors: 2,
            refused: 1,
            p5: 0.2,
            median: 0.2,
            p95: 20.0,
            longest: 20.0,
            slow: 3,
        };
        assert_eq!(Figures::of(&all), expected);
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(Figures::of(&[]), Figures::default());
    }
}
