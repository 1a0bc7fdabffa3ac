//! Durations by how long they were, in the buckets of the kernel programs.

use std::collections::BTreeMap;

use injector_abi::trace::{BUCKETS, PARTS, bucket, least};
use serde::{Deserialize, Deserializer, Serialize};

/// How far a quantile is off at most, as a share of it: half a bucket's width, of durations from 128 ns to
/// 137 s. Shorter and longer ones are in a bucket each.
pub const QUANTILE_ERROR: f64 = 1.0 / (2.0 * PARTS as f64);

/// How many durations there were of each length, and their sum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// How many there are of each bucket, by rising bucket, none of them 0. A list, as the whole of it is
    /// copied and added up far more often than a bucket comes.
    #[serde(deserialize_with = "sorted")]
    counts: Vec<(u16, u64)>,
    /// Nanoseconds.
    total_ns: u64,
}

impl Histogram {
    /// Adds durations of one bucket of the kernel's; of none there is, nothing.
    pub fn add(&mut self, bucket: u32, count: u64) {
        if count == 0 || bucket >= BUCKETS {
            return;
        }
        let bucket = u16::try_from(bucket).unwrap_or(u16::MAX);
        self.change(bucket, |now| now + count);
    }

    /// Adds to the sum of the durations.
    pub fn add_total(&mut self, ns: u64) {
        self.total_ns = self.total_ns.saturating_add(ns);
    }

    /// Adds one duration.
    pub fn record(&mut self, ns: u64) {
        self.add(bucket(ns), 1);
        self.add_total(ns);
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
        } else {
            for (bucket, count) in &other.counts {
                self.change(*bucket, |now| now + count);
            }
        }
        self.add_total(other.total_ns);
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|(_bucket, count)| count).sum()
    }

    /// How many there are of one bucket, or where they would be.
    fn find(&self, bucket: u16) -> Result<usize, usize> {
        self.counts.binary_search_by_key(&bucket, |one| one.0)
    }

    fn count_of(&self, bucket: u16) -> u64 {
        self.find(bucket).map_or(0, |place| self.counts[place].1)
    }

    /// Buckets of which `later` has not as many, by rising number, with how many more it has, around the
    /// end of 64 bits.
    pub(super) fn differences(&self, later: &Self) -> Vec<(u16, u64)> {
        let mut differences = Vec::with_capacity(later.counts.len());
        let mut before = self.counts.iter().peekable();
        for (bucket, count) in &later.counts {
            while let Some((gone, count)) = before.next_if(|(earlier, _)| earlier < bucket) {
                differences.push((*gone, 0_u64.wrapping_sub(*count)));
            }
            let before = before.next_if(|(same, _)| same == bucket);
            let more = count.wrapping_sub(before.map_or(0, |(_bucket, count)| *count));
            if more != 0 {
                differences.push((*bucket, more));
            }
        }
        differences.extend(before.map(|(gone, count)| (*gone, 0_u64.wrapping_sub(*count))));
        differences
    }

    /// Changes how many there are of one bucket.
    pub(super) fn change(&mut self, bucket: u16, change: impl FnOnce(u64) -> u64) {
        let place = self.find(bucket);
        match (place, change(self.count_of(bucket))) {
            (Ok(place), 0) => drop(self.counts.remove(place)),
            (Ok(place), count) => self.counts[place].1 = count,
            (Err(_absent), 0) => {}
            (Err(place), count) => self.counts.insert(place, (bucket, count)),
        }
    }

    /// Changes the sum of the durations.
    pub(super) fn change_total(&mut self, change: impl FnOnce(u64) -> u64) {
        self.total_ns = change(self.total_ns);
    }

    /// Sum of the durations in nanoseconds.
    #[must_use]
    pub fn total_ns(&self) -> u64 {
        self.total_ns
    }

    /// By bucket of the kernel's, those that are not empty.
    pub fn buckets(&self) -> impl Iterator<Item = (u32, u64)> {
        self.counts
            .iter()
            .map(|(bucket, count)| (u32::from(*bucket), *count))
    }

    /// How many were shorter than the least of `bucket`.
    #[must_use]
    pub fn below(&self, bucket: u32) -> u64 {
        let before = |one: &&(u16, u64)| u32::from(one.0) < bucket;
        let counts = self.counts.iter().take_while(before);
        counts.map(|(_bucket, count)| count).sum()
    }

    /// What has come since `earlier`. Where there was more of something then, the observer has begun anew
    /// meanwhile, and all of this has come since.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let shrunk = |(bucket, count): &(u16, u64)| self.count_of(*bucket) < *count;
        if self.total_ns < earlier.total_ns || earlier.counts.iter().any(shrunk) {
            return self.clone();
        }
        let counts = self.counts.iter().filter_map(|(bucket, count)| {
            let more = count - earlier.count_of(*bucket);
            (more > 0).then_some((*bucket, more))
        });
        Self {
            counts: counts.collect(),
            total_ns: self.total_ns - earlier.total_ns,
        }
    }

    /// The duration in nanoseconds that so much of all are not longer than: `0.5` for the median. None if
    /// there are none. It is off by [`QUANTILE_ERROR`] at most.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among counts far below 2^52"
    )]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let count = self.count();
        let rank = ((count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut so_far = 0;
        let found = self.counts.iter().find(|(_bucket, count)| {
            so_far += *count;
            so_far >= rank
        });
        found.map(|(bucket, _count)| middle(u32::from(*bucket)))
    }

    /// The longest, as exactly as [`Self::quantile`].
    #[must_use]
    pub fn longest(&self) -> Option<u64> {
        self.counts
            .last()
            .map(|(bucket, _count)| middle(u32::from(*bucket)))
    }

    /// Mean duration in nanoseconds; none if there are none.
    #[must_use]
    pub fn mean(&self) -> Option<u64> {
        self.total_ns.checked_div(self.count())
    }
}

/// What was written by anybody, in the order that is needed.
fn sorted<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(u16, u64)>, D::Error> {
    let counts: BTreeMap<u16, u64> = super::pairs::deserialize(from)?;
    let counts = counts.into_iter().filter(|(_bucket, count)| *count > 0);
    Ok(counts.collect())
}

/// What stands for the durations of a bucket; of the last one only its beginning is known.
fn middle(bucket: u32) -> u64 {
    let first = least(bucket);
    if bucket + 1 >= BUCKETS {
        return first;
    }
    first.midpoint(least(bucket + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Histogram, QUANTILE_ERROR};

    fn of(durations: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for ns in durations {
            histogram.record(*ns);
        }
        histogram
    }

    #[test]
    fn none_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
        assert_eq!(Histogram::default().mean(), None);
    }

    #[test]
    fn an_observer_that_began_anew_counts_from_nothing() {
        let (before, after) = (of(&[1_000, 1_000, 9_000]), of(&[1_000]));
        assert_eq!(after.since(&before), after);
    }

    #[test]
    fn what_is_read_is_in_order_whoever_wrote_it() {
        let mut expected = of(&[1_000, 1_000, 9_000]);
        let text = serde_json::to_string(&expected).unwrap();
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), expected);
        let text = r#"{"counts": [[9, 1], [3, 2], [5, 0]], "total_ns": 7}"#;
        let read: Histogram = serde_json::from_str(text).unwrap();
        expected = Histogram::default();
        expected.add(3, 2);
        expected.add(9, 1);
        expected.add_total(7);
        assert_eq!(read, expected);
    }

    /// The duration of this rank among sorted ones.
    fn exact(sorted: &[u64], share: f64) -> u64 {
        let mut ranks = (1..=sorted.len()).map(|rank| u32::try_from(rank).unwrap());
        let of = f64::from(u32::try_from(sorted.len()).unwrap());
        let rank = ranks.find(|rank| f64::from(*rank) >= of * share).unwrap();
        sorted[usize::try_from(rank).unwrap() - 1]
    }

    proptest! {
        #[test]
        fn quantiles_are_off_by_no_more_than_is_said(
            mut durations in proptest::collection::vec(128..100_000_000_000_u64, 1..300),
            share in 0.0..=1.0_f64,
        ) {
            let found = of(&durations).quantile(share).unwrap();
            durations.sort_unstable();
            let exact = exact(&durations, share);
            // By as much as is said, and what is rounded.
            prop_assert!(found.abs_diff(exact) <= exact / 32 + 1, "{found} {exact}");
            prop_assert!((QUANTILE_ERROR - 1.0 / 32.0).abs() < f64::EPSILON);
        }

        #[test]
        fn what_came_since_and_what_was_before_are_all(
            before in proptest::collection::vec(any::<u64>().prop_map(|ns| ns >> 20), 0..50),
            after in proptest::collection::vec(any::<u64>().prop_map(|ns| ns >> 20), 0..50),
        ) {
            let earlier = of(&before);
            let mut all = earlier.clone();
            all.merge(&of(&after));
            prop_assert_eq!(all.since(&earlier), of(&after));
            prop_assert_eq!(all.count(), (before.len() + after.len()) as u64);
        }
    }
}
