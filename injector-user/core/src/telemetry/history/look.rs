//! Finding frames again.

use super::delta::{self, Way};
use super::keep::History;
use crate::telemetry::frame::Frame;

/// The frames of a time, in their order; see [`History::between`].
#[derive(Debug)]
pub struct Frames<'a> {
    cursor: Option<Cursor<'a>>,
    /// The first one that is not asked for any more.
    end: usize,
}

/// One frame, and the way to its neighbours.
#[derive(Debug)]
struct Cursor<'a> {
    history: &'a History,
    index: usize,
    frame: Frame,
}

impl History {
    /// Monotonic nanoseconds of the oldest and the newest frame.
    #[must_use]
    pub fn span(&self) -> Option<(u64, u64)> {
        Some((self.steps.front()?.at_ns, self.steps.back()?.at_ns))
    }

    /// The newest frame.
    #[must_use]
    pub fn latest(&self) -> Option<Frame> {
        Some(Cursor::newest(self)?.frame)
    }

    /// The newest frame that is not later than `at_ns`, by the monotonic clock.
    #[must_use]
    pub fn at(&self, at_ns: u64) -> Option<Frame> {
        let index = self.first_after(at_ns).checked_sub(1)?;
        Some(Cursor::at(self, index)?.frame)
    }

    /// The frames from `from_ns` to `to_ns`, both included, by the monotonic clock. What it takes grows
    /// with how long ago they were.
    #[must_use]
    pub fn between(&self, from_ns: u64, to_ns: u64) -> Frames<'_> {
        let begin = self.steps.partition_point(|step| step.at_ns < from_ns);
        let end = self.first_after(to_ns);
        let cursor = if begin < end {
            Cursor::at(self, begin)
        } else {
            None
        };
        Frames { cursor, end }
    }

    /// The same without a copy of each, and with the newest frame that is not later than `from_ns`, which
    /// is what the first change is counted from.
    pub fn walk(&self, from_ns: u64, to_ns: u64, mut each: impl FnMut(&Frame)) {
        let before = self.first_after(from_ns).saturating_sub(1);
        let end = self.first_after(to_ns);
        if before >= end {
            return;
        }
        let mut cursor = Cursor::at(self, before);
        while let Some(at) = cursor {
            each(&at.frame);
            cursor = at.onward(end);
        }
    }

    fn first_after(&self, at_ns: u64) -> usize {
        self.steps.partition_point(|step| step.at_ns <= at_ns)
    }
}

impl<'a> Cursor<'a> {
    fn newest(history: &'a History) -> Option<Self> {
        let index = history.len().checked_sub(1)?;
        let named = |(number, value)| Some((history.names.series(number)?.clone(), value));
        let values = delta::series(&history.newest).map(named);
        let cursor = Self {
            history,
            index,
            frame: Frame {
                values: values.collect::<Option<_>>()?,
                ..Frame::default()
            },
        };
        cursor.stamped()
    }

    fn at(history: &'a History, index: usize) -> Option<Self> {
        let mut cursor = Self::newest(history)?;
        while cursor.index > index {
            cursor = cursor.back()?;
        }
        Some(cursor)
    }

    fn back(mut self) -> Option<Self> {
        let delta = &self.history.steps.get(self.index)?.delta;
        let names = &self.history.names;
        delta::go(Way::Back, delta, &mut self.frame.values, names)?;
        self.index -= 1;
        self.stamped()
    }

    /// The next frame, if it is before the one of number `end`.
    fn onward(mut self, end: usize) -> Option<Self> {
        self.index += 1;
        if self.index >= end {
            return None;
        }
        let delta = &self.history.steps.get(self.index)?.delta;
        let names = &self.history.names;
        delta::go(Way::On, delta, &mut self.frame.values, names)?;
        self.stamped()
    }

    fn stamped(mut self) -> Option<Self> {
        let step = self.history.steps.get(self.index)?;
        self.frame.at_ns = step.at_ns;
        self.frame.unix_ns = step.unix_ns;
        Some(self)
    }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let cursor = self.cursor.take()?;
        let frame = cursor.frame.clone();
        self.cursor = cursor.onward(self.end);
        Some(frame)
    }
}
