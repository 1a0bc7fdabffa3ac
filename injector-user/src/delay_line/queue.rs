//! Packets that wait, ordered by when they are due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Times are monotonic nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Waiting>>,
    arrivals: u64,
    bytes: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct Waiting {
    due_ns: u64,
    /// Keeps packets that are due together in the order in which they came.
    arrival: u64,
    frame: Vec<u8>,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due_ns, self.arrival).cmp(&(other.due_ns, other.arrival))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Queue {
    pub(super) fn push(&mut self, due_ns: u64, frame: Vec<u8>) {
        self.arrivals += 1;
        self.bytes += frame.len();
        let waiting = Waiting {
            due_ns,
            arrival: self.arrivals,
            frame,
        };
        self.heap.push(Reverse(waiting));
    }

    /// The next frame that is due at `now_ns`, with the time it was due.
    pub(super) fn pop_due(&mut self, now_ns: u64) -> Option<(u64, Vec<u8>)> {
        if self.heap.peek()?.0.due_ns > now_ns {
            return None;
        }
        let Reverse(waiting) = self.heap.pop()?;
        self.bytes -= waiting.frame.len();
        Some((waiting.due_ns, waiting.frame))
    }

    /// How much waits.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// How long until something is due, at most `longest`.
    pub(super) fn wait(&self, now_ns: u64, longest: Duration) -> Duration {
        self.heap.peek().map_or(longest, |Reverse(next)| {
            Duration::from_nanos(next.due_ns.saturating_sub(now_ns)).min(longest)
        })
    }

    /// Throws away what is overdue and says how much that was.
    pub(super) fn discard_overdue(&mut self, now_ns: u64) -> u64 {
        let mut discarded = 0;
        while self.pop_due(now_ns).is_some() {
            discarded += 1;
        }
        discarded
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Queue;

    fn due(queue: &mut Queue, now_ns: u64) -> Vec<u8> {
        std::iter::from_fn(|| queue.pop_due(now_ns))
            .map(|(_due, frame)| frame[0])
            .collect()
    }

    #[test]
    fn packets_leave_when_due_and_in_order_of_arrival_when_due_together() {
        let mut queue = Queue::default();
        for (due_ns, name) in [(30, 1), (10, 2), (30, 3), (20, 4)] {
            queue.push(due_ns, vec![name]);
        }
        assert_eq!(due(&mut queue, 9), Vec::<u8>::new());
        assert_eq!(due(&mut queue, 20), [2, 4]);
        assert_eq!(
            queue.wait(21, Duration::from_secs(1)),
            Duration::from_nanos(9)
        );
        assert_eq!(due(&mut queue, 30), [1, 3]);
        assert_eq!(
            queue.wait(31, Duration::from_secs(1)),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn only_overdue_packets_are_discarded() {
        let mut queue = Queue::default();
        queue.push(10, vec![1]);
        queue.push(20, vec![2]);
        assert_eq!(queue.discard_overdue(15), 1);
        assert_eq!(due(&mut queue, 20), [2]);
    }
}
