//! Rounds with and without something, side by side.

use anyhow::Result;

use super::row::Row;
use super::statistics::{Mean, median};
use super::suite::Effort;

/// Figures of neighbouring rounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pairs {
    with: Vec<f64>,
    without: Vec<f64>,
}

impl Pairs {
    /// Measures so many pairs. Who is first changes from pair to pair, so that what drifts, such as the
    /// temperature, harms neither side.
    pub(super) fn measure(
        effort: Effort,
        pairs: usize,
        name: &str,
        mut round: impl FnMut(bool) -> Result<f64>,
    ) -> Result<Self> {
        let mut found = Self::default();
        for number in 1..=pairs {
            let with_first = number % 2 == 0;
            for with in [with_first, !with_first] {
                let figure = round(with)?;
                if with {
                    found.with.push(figure);
                } else {
                    found.without.push(figure);
                }
            }
            effort.progress(&format!("{name}: pair {number} of {pairs}"));
        }
        Ok(found)
    }

    /// The medians, the median of the pairs' ratios, and how sure that is.
    pub(super) fn row(&self, metric: &str, unit: &'static str, aim: f64) -> Row {
        let ratios: Vec<f64> = self
            .with
            .iter()
            .zip(&self.without)
            .map(|(with, without)| with / without)
            .collect();
        let Mean { mean, half_width } = Mean::of(&ratios);
        let mut row = Row::new(metric, unit, median(&self.with), self.with.len());
        row = row.peer(median(&self.without));
        row.ratio = Some(median(&ratios));
        row.ratio_at_least(aim).note(format!(
            "ratio is the median of the pairs'; their mean {mean:.3}, 95 % interval {:.3} to {:.3}",
            mean - half_width,
            mean + half_width
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Pairs;

    #[test]
    fn the_ratio_is_that_of_neighbours_and_not_of_medians() {
        let pairs = Pairs {
            with: vec![50.0, 99.0, 200.0],
            without: vec![100.0, 100.0, 200.0],
        };
        let row = pairs.row("speed", "1/s", 0.98);
        assert_eq!((row.ours, row.peer), (99.0, Some(100.0)));
        assert_eq!((row.ratio, row.met), (Some(0.99), Some(true)));
    }
}
