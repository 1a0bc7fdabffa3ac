//! Comparing frames with what is natural, one after the other.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::telemetry::baseline::{Band, Baseline, Statistic, of_target, window_back};
use crate::telemetry::frame::{Frame, Series};

/// So many frames in a row outside its band are a breach, which began with the first of them: of
/// hundreds of bands some have a value outside in every other frame, and seldom the same one twice.
const BREACH_FRAMES: u32 = 2;
/// So many frames in a row inside its band are a return, which began with the first of them: what tries
/// again with growing pauses swings for some seconds before it is well.
const RETURN_FRAMES: u32 = 5;

/// A moment by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// Monotonic nanoseconds, by which durations are told.
    pub at_ns: u64,
    /// Nanoseconds since 1970, as the host's clock said then.
    pub unix_ns: u64,
}

/// When a fault did what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultTimes {
    pub armed: Moment,
    /// None if nothing was injected: then nothing of it can be felt.
    pub injected: Option<Moment>,
    /// None while it is armed: then nothing has recovered from it.
    pub ended: Option<Moment>,
}

/// What a fault did to a target, by time. Where nothing happened of which there could be a value, such as
/// a latency without calls, a band is neither left nor come back to. A value is of a window that ends with its frame, so everything
/// but the onset and the end may be told late by a frame, and a return by a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// The first injection.
    pub onset: Option<Moment>,
    /// The first frame of the first breach.
    pub detected: Option<Moment>,
    /// The end of the fault.
    pub effect_ended: Option<Moment>,
    /// The first frame from which on everything that was breached was natural again.
    pub recovered: Option<Moment>,
    /// Bands that were breached, in the baseline's order.
    pub breaches: Vec<Breach>,
    /// How long the windows were of which values are.
    pub window_ns: u64,
}

/// One band that was breached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Breach {
    pub series: Series,
    pub statistic: Statistic,
    /// The first frame outside.
    pub detected: Moment,
    /// The first frame of those inside that lasted.
    pub recovered: Option<Moment>,
    /// The value farthest outside, in seconds, things or bytes a second, or parts of 1.
    pub worst: f64,
    /// That value beside what is natural, in words.
    pub explanation: String,
}

/// Frames that are being compared, one after the other, from before the first injection on.
#[derive(Clone, Debug)]
pub struct Recovering<'a> {
    times: FaultTimes,
    baseline: &'a Baseline,
    /// Of the target, those of one window.
    frames: VecDeque<Frame>,
    bands: Vec<Watched<'a>>,
}

/// One band, and how its values have been.
#[derive(Clone, Debug)]
struct Watched<'a> {
    band: &'a Band,
    outside: Run,
    inside: Run,
    /// First frame of the first breach.
    breached: Option<Moment>,
    recovered: Option<Moment>,
    /// The value farthest outside.
    worst: Option<f64>,
}

/// Frames in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    first: Option<Moment>,
    length: u32,
}

impl Recovery {
    /// What frames say that are already there; from before the first injection on, in their order.
    pub fn of(
        times: FaultTimes,
        baseline: &Baseline,
        frames: impl IntoIterator<Item = Frame>,
    ) -> Self {
        let mut recovering = Recovering::new(times, baseline);
        for frame in frames {
            recovering.push(&frame);
        }
        recovering.so_far()
    }

    /// From the first injection to the first breach.
    #[must_use]
    pub fn time_to_detect(&self) -> Option<Duration> {
        Some(self.detected?.since(self.onset?))
    }

    /// From the end of the fault to the return of everything; 0 if it came back before.
    #[must_use]
    pub fn time_to_recover(&self) -> Option<Duration> {
        Some(self.recovered?.since(self.effect_ended?))
    }
}

impl<'a> Recovering<'a> {
    #[must_use]
    pub fn new(times: FaultTimes, baseline: &'a Baseline) -> Self {
        let bands = baseline.bands.iter().map(Watched::new);
        Self {
            times,
            baseline,
            frames: VecDeque::new(),
            bands: bands.collect(),
        }
    }

    /// What has become known of the fault meanwhile.
    pub fn learn(&mut self, times: FaultTimes) {
        self.times = times;
    }

    /// Looks at one more frame; one that is not later than the last, or comes after everything has
    /// recovered, says nothing.
    pub fn push(&mut self, frame: &Frame) {
        let last = self.frames.back();
        if last.is_some_and(|last| frame.at_ns <= last.at_ns) || self.is_over() {
            return;
        }
        self.frames
            .push_back(of_target(frame, &self.baseline.target));
        let oldest = frame
            .at_ns
            .saturating_sub(self.baseline.window_ns.saturating_mul(2));
        while self
            .frames
            .front()
            .is_some_and(|first| first.at_ns < oldest)
        {
            self.frames.pop_front();
        }
        self.judge(Moment {
            at_ns: frame.at_ns,
            unix_ns: frame.unix_ns,
        });
    }

    /// Whether the fault has ended, and everything that was breached is natural again. Where nothing was
    /// breached that is never so: who waits for it says how long.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.times.ended.is_some() && self.recovered().is_some()
    }

    /// What is known.
    #[must_use]
    pub fn so_far(&self) -> Recovery {
        let breaches: Vec<_> = self.bands.iter().filter_map(Watched::breach).collect();
        Recovery {
            onset: self.times.injected,
            detected: breaches.iter().map(|breach| breach.detected).min(),
            effect_ended: self.times.ended,
            recovered: self.recovered().filter(|_| self.times.ended.is_some()),
            breaches,
            window_ns: self.baseline.window_ns,
        }
    }

    /// When the last of what was breached came back.
    fn recovered(&self) -> Option<Moment> {
        let breached = self.bands.iter().filter(|band| band.breached.is_some());
        let recovered: Option<Vec<_>> = breached.map(|band| band.recovered).collect();
        recovered?.into_iter().max()
    }

    fn judge(&mut self, now: Moment) {
        let Some(onset) = self.times.injected else {
            return;
        };
        if now.at_ns <= onset.at_ns {
            return;
        }
        let ended = self
            .times
            .ended
            .is_some_and(|ended| ended.at_ns <= now.at_ns);
        let window = window_back(&self.frames, self.baseline.window());
        for watched in &mut self.bands {
            let Some(window) = &window else {
                // Nobody saw what was between.
                watched.forget_runs();
                continue;
            };
            let Band {
                series, statistic, ..
            } = watched.band;
            if let Some(sample) = statistic.sample(series, window) {
                watched.judge(sample.value, now, ended);
            }
        }
    }
}

impl<'a> Watched<'a> {
    fn new(band: &'a Band) -> Self {
        Self {
            band,
            outside: Run::default(),
            inside: Run::default(),
            breached: None,
            recovered: None,
            worst: None,
        }
    }

    fn forget_runs(&mut self) {
        self.outside = Run::default();
        self.inside = Run::default();
    }

    fn judge(&mut self, value: f64, now: Moment, ended: bool) {
        if self.band.is_inside(value) {
            self.outside = Run::default();
            self.inside.extend(now);
        } else {
            self.inside = Run::default();
            self.outside.extend(now);
            let farther = |worst: f64| self.distance(value) > self.distance(worst);
            if self.worst.is_none_or(farther) {
                self.worst = Some(value);
            }
        }
        if self.outside.length >= BREACH_FRAMES {
            self.breached = self.breached.or(self.outside.first);
            self.recovered = None;
        }
        if ended && self.breached.is_some() && self.inside.length >= RETURN_FRAMES {
            self.recovered = self.recovered.or(self.inside.first);
        }
    }

    /// How far a value is outside.
    fn distance(&self, value: f64) -> f64 {
        (self.band.low - value).max(value - self.band.high)
    }

    fn breach(&self) -> Option<Breach> {
        let worst = self.worst?;
        Some(Breach {
            series: self.band.series.clone(),
            statistic: self.band.statistic,
            detected: self.breached?,
            recovered: self.recovered,
            worst,
            explanation: self.band.explain(worst),
        })
    }
}

impl Run {
    fn extend(&mut self, now: Moment) {
        self.first.get_or_insert(now);
        self.length = self.length.saturating_add(1);
    }
}

impl Moment {
    /// By the monotonic clock; 0 if it was earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.at_ns.saturating_sub(earlier.at_ns))
    }
}
