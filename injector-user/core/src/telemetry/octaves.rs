//! Durations as Prometheus has them: counted by bounds that every series shares.

use injector_abi::trace::least;

use super::histogram::Histogram;

/// How many bounds there are; what is longer than the last is counted, too.
pub const OCTAVES: usize = 26;
/// The first bound is 2 to this many nanoseconds: 1.024 µs.
const FIRST_BITS: u32 = 10;

/// The bounds in nanoseconds, each twice the one before: from 1.024 µs to 34.36 s. Buckets of the kernel's
/// begin there, so each counts exactly what was shorter.
pub fn octave_bounds() -> impl Iterator<Item = u64> {
    (FIRST_BITS..).map(|bits| 1 << bits).take(OCTAVES)
}

impl Histogram {
    /// How many durations were shorter than each bound and not than the one before; those beyond the last
    /// bound come last.
    #[must_use]
    pub fn by_octave(&self) -> [u64; OCTAVES + 1] {
        let mut counts = [0; OCTAVES + 1];
        for (bucket, count) in self.buckets() {
            counts[octave(least(bucket))] += count;
        }
        counts
    }
}

/// The first bound that is longer.
fn octave(ns: u64) -> usize {
    let bits = ns.checked_ilog2().map_or(0, |bits| bits + 1);
    let past_first = bits.saturating_sub(FIRST_BITS);
    usize::try_from(past_first).map_or(OCTAVES, |octave| octave.min(OCTAVES))
}

#[cfg(test)]
mod tests {
    use injector_abi::trace::{bucket, least};
    use proptest::prelude::*;

    use super::{Histogram, octave_bounds};

    #[test]
    fn bounds_are_where_buckets_begin() {
        for bound in octave_bounds() {
            assert_eq!(least(bucket(bound)), bound);
        }
        assert_eq!(octave_bounds().last(), Some(34_359_738_368));
    }

    #[test]
    fn what_is_as_long_as_a_bound_is_beyond_it() {
        let mut histogram = Histogram::default();
        for ns in [0, 1_023, 1_024, 34_359_738_367, 34_359_738_368, u64::MAX] {
            histogram.record(ns);
        }
        let counts = histogram.by_octave();
        assert_eq!(&counts[..2], [2, 1]);
        assert_eq!(&counts[25..], [1, 2]);
    }

    proptest! {
        #[test]
        fn each_bound_has_all_that_were_shorter(
            durations in proptest::collection::vec(any::<u64>().prop_flat_map(|ns| (0..64_u32).prop_map(move |by| ns >> by)), 0..200),
        ) {
            let mut histogram = Histogram::default();
            for ns in &durations {
                histogram.record(*ns);
            }
            let counts = histogram.by_octave();
            let mut so_far = 0;
            for (bound, count) in octave_bounds().zip(counts) {
                so_far += count;
                let shorter = durations.iter().filter(|ns| **ns < bound).count();
                prop_assert_eq!(so_far, shorter as u64);
            }
            prop_assert_eq!(counts.iter().sum::<u64>(), durations.len() as u64);
        }
    }
}
