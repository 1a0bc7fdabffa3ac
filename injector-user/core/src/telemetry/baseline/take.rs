//! Taking a baseline from the history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::band::Band;
use super::sample::{Fit, Sample, Statistic, fit, of_target};
use super::version::Version;
use crate::problem::Invalid;
use crate::suggest;
use crate::telemetry::{Frame, History, Series, Window};
use crate::units::{format_duration, nanoseconds};

/// What is natural for a target, to be kept and compared with later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    version: Version,
    /// As the label says.
    pub target: String,
    pub host: String,
    /// Of the first and the last frame: nanoseconds since 1970, as the host's clock said then.
    pub from_unix_ns: u64,
    pub to_unix_ns: u64,
    /// How long each window was.
    pub window_ns: u64,
    /// How many there were.
    pub windows: u64,
    /// Windows that were not looked at, as frames were missing.
    pub skipped: u64,
    /// In the order of the metrics' reference; [`Self::MOST_BANDS`] at most.
    pub bands: Vec<Band>,
    /// Statistics that had a value in fewer than [`Self::LEAST_SAMPLES`] windows, and have no band.
    pub too_few: u64,
    /// Statistics for which there was no room.
    pub left_out: u64,
}

/// Samples as they come.
#[derive(Debug, Default)]
struct Taking {
    targets: BTreeSet<String>,
    span: Option<(u64, u64)>,
    /// With what the next window begins.
    begin: Option<Frame>,
    windows: usize,
    skipped: u64,
    samples: BTreeMap<Key, Vec<Sample>>,
    left_out: BTreeSet<Key>,
}

type Key = (Series, Statistic);

impl Baseline {
    /// How long a window is if nobody says.
    pub const WINDOW: Duration = Duration::from_secs(5);
    /// Of a window: a frame is made each second.
    pub const SHORTEST: Duration = Duration::from_secs(1);
    /// Of a window.
    pub const LONGEST: Duration = Duration::from_mins(5);
    /// Windows with a value that a band needs.
    pub const LEAST_SAMPLES: usize = 8;
    /// Every system call of one target, each with four statistics.
    pub const MOST_BANDS: usize = 2_048;

    /// From the frames between two moments of the monotonic clock. A window is from
    /// [`Self::SHORTEST`] to [`Self::LONGEST`]; none has a frame missing at its ends.
    ///
    /// # Errors
    ///
    /// The target was not observed, or for fewer than [`Self::LEAST_SAMPLES`] windows.
    pub fn take(
        history: &History,
        (target, host): (&str, &str),
        (from_ns, to_ns): (u64, u64),
        window: Duration,
    ) -> Result<Self, Invalid> {
        check_window(window)?;
        let mut taking = Taking::default();
        history.walk(from_ns, to_ns, |frame| {
            // The walk begins before, where changes are counted from.
            if frame.at_ns >= from_ns {
                taking.see(frame);
                taking.step(of_target(frame, target), window);
            }
        });
        if !taking.targets.contains(target) {
            return Err(unobserved(target, &taking.targets));
        }
        if taking.windows < Self::LEAST_SAMPLES {
            return Err(too_short(taking.windows, window));
        }
        Ok(taking.done(target, host, window))
    }

    /// The band of one statistic of one series.
    #[must_use]
    pub fn band(&self, series: &Series, statistic: Statistic) -> Option<&Band> {
        let is_it = |band: &&Band| band.statistic == statistic && band.series == *series;
        self.bands.iter().find(is_it)
    }

    /// How long each window was, and has to be for what is compared.
    #[must_use]
    pub fn window(&self) -> Duration {
        Duration::from_nanos(self.window_ns)
    }
}

impl Taking {
    fn see(&mut self, frame: &Frame) {
        let (first, _last) = self.span.unwrap_or((frame.unix_ns, 0));
        self.span = Some((first, frame.unix_ns));
        let targets = frame
            .values
            .keys()
            .filter_map(|series| series.label("target"));
        for target in targets {
            if !self.targets.contains(target) {
                self.targets.insert(target.to_owned());
            }
        }
    }

    /// Windows stand beside each other: each begins with the frame that ended the one before.
    fn step(&mut self, frame: Frame, length: Duration) {
        let Some(begin) = self.begin.take() else {
            self.begin = Some(frame);
            return;
        };
        let window = Window {
            from: &begin,
            to: &frame,
        };
        match fit(&begin, &frame, length) {
            Fit::Short => {
                self.begin = Some(begin);
                return;
            }
            Fit::Right => self.window(&window),
            Fit::Long => self.skipped += 1,
        }
        self.begin = Some(frame);
    }

    fn window(&mut self, window: &Window<'_>) {
        let present = window.to.values.keys();
        let present = present.flat_map(|series| {
            let statistics = Statistic::of(series).into_iter();
            statistics.map(|statistic| (series.clone(), statistic))
        });
        for key in present {
            self.make_room(key);
        }
        for ((series, statistic), samples) in &mut self.samples {
            samples.extend(statistic.sample(series, window));
        }
        self.windows += 1;
    }

    /// What occurs for the first time had not occurred in the windows before.
    fn make_room(&mut self, key: Key) {
        if self.samples.contains_key(&key) {
            return;
        }
        if self.samples.len() >= Baseline::MOST_BANDS {
            self.left_out.insert(key);
            return;
        }
        let before = match key.1 {
            Statistic::Rate => self.windows,
            Statistic::Failing | Statistic::P50 | Statistic::P99 => 0,
        };
        self.samples.insert(key, vec![Sample::NONE; before]);
    }

    fn done(self, target: &str, host: &str, window: Duration) -> Baseline {
        let samples = self.samples.into_iter();
        let (enough, few): (Vec<_>, Vec<_>) =
            samples.partition(|(_key, samples)| samples.len() >= Baseline::LEAST_SAMPLES);
        let seconds = window.as_secs_f64();
        let bands = enough
            .into_iter()
            .filter_map(|((series, statistic), samples)| {
                Band::of(series, statistic, &samples, seconds)
            });
        let (from_unix_ns, to_unix_ns) = self.span.unwrap_or_default();
        Baseline {
            version: Version,
            target: target.to_owned(),
            host: host.to_owned(),
            from_unix_ns,
            to_unix_ns,
            window_ns: nanoseconds(window),
            windows: long(self.windows),
            skipped: self.skipped,
            bands: bands.collect(),
            too_few: long(few.len()),
            left_out: long(self.left_out.len()),
        }
    }
}

fn long(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn check_window(window: Duration) -> Result<(), Invalid> {
    if (Baseline::SHORTEST..=Baseline::LONGEST).contains(&window) {
        return Ok(());
    }
    let window = format_duration(window);
    Err(
        Invalid::saying(format!("{window} is no window of a baseline"))
            .hint("from 1s to 5m: a frame is made each second"),
    )
}

fn unobserved(target: &str, known: &BTreeSet<String>) -> Invalid {
    let invalid = Invalid::saying(format!("`{target}` was not observed in this time"));
    if known.is_empty() {
        return invalid.hint("nothing was; observe it first");
    }
    let near = suggest::nearest(target, known.iter().map(String::as_str));
    invalid.hint(match near {
        Some(near) => format!("did you mean `{near}`"),
        None => format!("observe it first; {} other targets were", known.len()),
    })
}

fn too_short(windows: usize, window: Duration) -> Invalid {
    let least = Baseline::LEAST_SAMPLES;
    let length = format_duration(window);
    let enough = u32::try_from(least).map_or(Duration::MAX, |least| window.saturating_mul(least));
    Invalid::saying(format!(
        "{windows} windows of {length} are too few to tell what is natural"
    ))
    .hint(format!(
        "{least} at least: observe for {} or longer, without gaps",
        format_duration(enough)
    ))
}
