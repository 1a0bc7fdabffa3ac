//! A narrow line: packets leave no faster than its rate.

use std::time::Duration;

use injector_core::fault::net::Rate;

/// The token bucket of tc-tbf(8), kept as the time at which all that was let in will have passed the
/// narrow line (the generic cell rate algorithm of ITU-T I.371, annex A).
#[derive(Debug)]
pub(super) struct Bucket {
    ns_per_byte: f64,
    /// What the line may run ahead by.
    burst_ns: u64,
    passed_ns: u64,
}

/// What would wait longer is lost, as at the end of a full queue.
const LONGEST: Duration = Duration::from_secs(1);

impl Bucket {
    pub(super) fn new(rate: &Rate) -> Self {
        let ns_per_byte = 8e9 / float(rate.rate.bits_per_second());
        Self {
            ns_per_byte,
            burst_ns: nanoseconds(ns_per_byte * float(rate.burst.bytes())),
            passed_ns: 0,
        }
    }

    /// When a packet of `length` bytes that came at `now_ns` leaves; none if there is no room.
    pub(super) fn leaves_ns(&mut self, now_ns: u64, length: usize) -> Option<u64> {
        let takes = nanoseconds(self.ns_per_byte * float(length as u64));
        let passed_ns = self.passed_ns.max(now_ns).saturating_add(takes);
        let leaves_ns = passed_ns.saturating_sub(self.burst_ns).max(now_ns);
        if leaves_ns - now_ns > super::line::nanos(LONGEST) {
            return None;
        }
        self.passed_ns = passed_ns;
        Some(leaves_ns)
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn float(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number of nanoseconds, and a cast saturates"
)]
fn nanoseconds(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use injector_core::fault::net::{Filter, Rate};
    use proptest::prelude::*;

    use super::Bucket;

    fn bucket(rate: &str, burst: &str) -> Bucket {
        Bucket::new(&Rate {
            filter: Filter::default(),
            rate: rate.parse().unwrap(),
            burst: burst.parse().unwrap(),
        })
    }

    #[test]
    fn what_exceeds_the_burst_leaves_at_the_rate() {
        // A byte in a microsecond.
        let mut bucket = bucket("8mbit", "2000b");
        let mut leave = |now_ns| bucket.leaves_ns(now_ns, 1000).map(|at| at / 1000);
        let at_once: Vec<_> = (0..5).map(|_| leave(0)).collect();
        assert_eq!(at_once, [0, 0, 1000, 2000, 3000].map(Some));
        // All of it has passed at 5 ms: after 2 ms more the burst is whole again.
        assert_eq!([leave(7_000_000), leave(7_000_000)], [Some(7000); 2]);
    }

    #[test]
    fn a_queue_of_more_than_a_second_is_full() {
        let mut bucket = bucket("8kbit", "1514b");
        let taken = (0..10)
            .filter(|_| bucket.leaves_ns(0, 1000).is_some())
            .count();
        // 1514 bytes at once, and a thousand a second.
        assert_eq!(taken, 2);
        assert!(bucket.leaves_ns(5_000_000_000, 1000).is_some());
    }

    proptest! {
        /// Whatever comes when: never more than the burst and the rate allow, and in order.
        #[test]
        fn the_rate_is_never_exceeded(
            packets in proptest::collection::vec((0..3_000_000_u64, 40..1_514_usize), 1..100)
        ) {
            let mut bucket = bucket("10mbit", "3000b");
            let (mut now_ns, mut left) = (0, Vec::new());
            for (pause_ns, length) in packets {
                now_ns += pause_ns;
                if let Some(at_ns) = bucket.leaves_ns(now_ns, length) {
                    prop_assert!(at_ns >= now_ns);
                    left.push((at_ns, length));
                }
            }
            prop_assert!(left.is_sorted_by_key(|(at_ns, _length)| *at_ns));
            for first in 0..left.len() {
                let mut bytes = 0;
                for (at_ns, length) in &left[first..] {
                    bytes += length;
                    // 800 ns for each byte; one of rounding for each packet.
                    let allowed = 3000 + (at_ns - left[first].0 + 100) / 800;
                    prop_assert!(bytes as u64 <= allowed + 1, "{bytes} {allowed}");
                }
            }
        }
    }
}
