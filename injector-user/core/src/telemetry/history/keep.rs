//! Taking frames in, and letting the oldest go.

use std::collections::VecDeque;

use super::delta;
use super::names::{self, Names};
use crate::telemetry::frame::Frame;

/// The frames of the last hour, as far as they fit.
#[derive(Debug)]
pub struct History {
    most_frames: usize,
    most_bytes: usize,
    pub(super) steps: VecDeque<Step>,
    /// The newest frame as a whole.
    pub(super) newest: Box<[u8]>,
    pub(super) names: Names,
    /// Of all differences.
    difference_bytes: usize,
    losses: Losses,
}

/// One kept frame.
#[derive(Debug)]
pub(super) struct Step {
    /// As of [`Frame`].
    pub(super) at_ns: u64,
    /// As of [`Frame`].
    pub(super) unix_ns: u64,
    /// What leads here from the frame before; nothing in the oldest one.
    pub(super) delta: Box<[u8]>,
}

/// Frames that were not kept as long as they should have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Went before their time because of the bytes.
    pub pressed_out: u64,
    /// Were refused as [`Refused::NotLater`].
    pub not_later: u64,
    /// Were refused as [`Refused::TooLarge`].
    pub too_large: u64,
}

/// Why a frame is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("a frame of {at_ns} ns is not later than the last one, of {last_ns} ns")]
    NotLater { at_ns: u64, last_ns: u64 },
    #[error("a frame takes {bytes} bytes, more than the {most} bytes of the whole history")]
    TooLarge { bytes: usize, most: usize },
}

impl Default for History {
    fn default() -> Self {
        Self::bounded(Self::MOST_FRAMES, Self::MOST_BYTES)
    }
}

impl History {
    /// An hour of one frame a second.
    pub const MOST_FRAMES: usize = 3_600;
    /// 32 MiB.
    pub const MOST_BYTES: usize = 32 << 20;

    /// An empty history with other bounds: from one frame to a day of them, and bytes.
    #[must_use]
    pub fn bounded(most_frames: usize, most_bytes: usize) -> Self {
        let most_frames = most_frames.clamp(1, DAY);
        Self {
            most_frames,
            most_bytes,
            steps: VecDeque::with_capacity(most_frames),
            newest: Box::default(),
            names: Names::default(),
            difference_bytes: 0,
            losses: Losses::default(),
        }
    }

    /// Takes a frame in; the oldest ones go if there are too many, or they take too much. While it is
    /// taken in, it is in memory once more. What the host's clock says does not matter.
    ///
    /// # Errors
    ///
    /// A frame that is not later than the last by the monotonic clock, or that alone does not fit, is
    /// refused and counted; the history is as before.
    pub fn push(&mut self, frame: &Frame) -> Result<(), Refused> {
        self.check_order(frame)?;
        let numbers = self.names.numbers(&frame.values);
        let mut numbered: Vec<_> = numbers.into_iter().zip(frame.values.values()).collect();
        numbered.sort_unstable_by_key(|(number, _value)| *number);
        let newest = delta::whole(&numbered);
        let change = delta::between(&self.newest, &newest);
        for number in &change.came {
            self.names.hold(*number);
        }
        if let Err(refused) = self.check_size(frame, newest.len()) {
            for number in change.came {
                self.names.release(number);
            }
            return Err(refused);
        }
        self.append(frame, newest, change.bytes);
        self.make_space();
        Ok(())
    }

    /// How many frames there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Series of which a kept frame knows.
    #[must_use]
    pub fn series(&self) -> usize {
        self.names.len()
    }

    /// Memory in use, at most.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.fixed_bytes() + self.newest.len() + self.difference_bytes + self.names.bytes()
    }

    /// What was lost since the history began.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.losses
    }

    fn check_order(&mut self, frame: &Frame) -> Result<(), Refused> {
        match self.steps.back() {
            Some(last) if frame.at_ns <= last.at_ns => {
                self.losses.not_later += 1;
                Err(Refused::NotLater {
                    at_ns: frame.at_ns,
                    last_ns: last.at_ns,
                })
            }
            _ => Ok(()),
        }
    }

    fn check_size(&mut self, frame: &Frame, encoded: usize) -> Result<(), Refused> {
        let names: usize = frame.values.keys().map(names::cost).sum();
        let bytes = self.fixed_bytes() + encoded + names;
        if bytes > self.most_bytes {
            self.losses.too_large += 1;
            let most = self.most_bytes;
            return Err(Refused::TooLarge { bytes, most });
        }
        Ok(())
    }

    fn append(&mut self, frame: &Frame, newest: Box<[u8]>, change: Box<[u8]>) {
        if self.len() >= self.most_frames {
            self.forget_oldest();
        }
        let delta = if self.is_empty() {
            Box::default()
        } else {
            change
        };
        self.newest = newest;
        self.difference_bytes += delta.len();
        self.steps.push_back(Step {
            at_ns: frame.at_ns,
            unix_ns: frame.unix_ns,
            delta,
        });
    }

    fn make_space(&mut self) {
        while self.bytes() > self.most_bytes && self.len() > 1 {
            self.forget_oldest();
            self.losses.pressed_out += 1;
        }
    }

    fn forget_oldest(&mut self) {
        self.steps.pop_front();
        let Some(oldest) = self.steps.front_mut() else {
            return;
        };
        let delta = std::mem::take(&mut oldest.delta);
        self.difference_bytes -= delta.len();
        for number in delta::gone(&delta) {
            self.names.release(number);
        }
    }

    fn fixed_bytes(&self) -> usize {
        size_of::<Self>() + self.steps.capacity() * STEP_BYTES
    }
}

/// Most frames of any history.
const DAY: usize = 86_400;

/// A place in the list, and what is allocated beside it.
const STEP_BYTES: usize = size_of::<Step>() + 16;
