//! What is not as it was.

use serde::{Deserialize, Serialize};

use super::sample::Statistic;
use super::take::Baseline;
use crate::telemetry::Series;

/// One statistic whose middle value lies outside of what was natural.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outside {
    pub series: Series,
    pub statistic: Statistic,
    /// The median now, in seconds, things or bytes a second, or parts of 1.
    pub now: f64,
    pub low: f64,
    pub high: f64,
    /// That beside what was natural, in words.
    pub explanation: String,
}

impl Baseline {
    /// What of another one, taken later of the same target by windows of the same length, is outside of
    /// this one's bands. What does not occur any more has a rate of 0; what did not occur before has no
    /// band here.
    #[must_use]
    pub fn outside(&self, later: &Self) -> Vec<Outside> {
        let one = |band: &super::Band| {
            let now = match later.band(&band.series, band.statistic) {
                Some(now) => now.median,
                None if band.statistic == Statistic::Rate => 0.0,
                None => return None,
            };
            (!band.is_inside(now)).then(|| Outside {
                series: band.series.clone(),
                statistic: band.statistic,
                now,
                low: band.low,
                high: band.high,
                explanation: band.explain(now),
            })
        };
        self.bands.iter().filter_map(one).collect()
    }
}
