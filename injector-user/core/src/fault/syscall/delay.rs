//! What makes a system call take longer: `syscall.delay`, and what is made of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::outcome::Moment;
use crate::fault::given::{Reader, between};
use crate::fault::latency::{Latency, SHORTEST};
use crate::problem::Invalid;
use crate::units::format_duration;

/// As long as a call may wait: far below the 120 s after which a kernel takes a task for hung.
pub const LONGEST: Duration = Duration::from_secs(30);

/// Longer than most would want a call to wait whose latency varies.
const CAP: Duration = Duration::from_secs(5);

/// How long the caller sleeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sleep {
    pub latency: Latency,
    /// No sleep is longer: at most [`LONGEST`].
    pub cap: Duration,
    /// Before the call is made, or after; none: whichever can be had, before if both.
    pub moment: Option<Moment>,
}

/// The longest that a caller may be kept busy inside the kernel, where it cannot sleep: about what the kernel
/// itself may take for a call that others would not notice.
pub const MOST_SPIN: Duration = Duration::from_micros(100);

impl Sleep {
    /// For how long a caller may be kept busy instead; none if that is too long, or varies.
    #[must_use]
    pub fn spin(&self) -> Option<Duration> {
        let Latency { mean, jitter, .. } = self.latency;
        (mean <= MOST_SPIN.min(self.cap) && jitter.is_zero()).then_some(mean)
    }

    /// `None` only if a problem was reported. `usual` is when it happens if nothing is said.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>, usual: Option<Moment>) -> Option<Self> {
        let latency = Latency::read(reader, LONGEST);
        let cap = reader.or("cap", CAP, |text| between(text, SHORTEST, LONGEST));
        let moment = reader.optional("moment", str::parse).or(usual);
        if let Some(latency) = latency.as_ref().filter(|latency| latency.mean > cap) {
            let (mean, cap) = (format_duration(latency.mean), format_duration(cap));
            let invalid =
                Invalid::saying(format!("a latency of {mean} is more than the cap of {cap}"));
            let most = format_duration(LONGEST);
            reader.conflict(
                "latency",
                invalid.hint(format!("at most {cap}, or a higher `cap`, up to {most}")),
            );
        }
        Some(Self {
            latency: latency?,
            cap,
            moment,
        })
    }

    /// For a shorter time.
    pub(crate) fn shorten(&mut self, factor: f64) {
        self.latency = self.latency.shortened(factor);
    }

    pub(in crate::fault) fn write(
        &self,
        usual: Option<Moment>,
        params: &mut BTreeMap<String, String>,
    ) {
        let Self {
            latency,
            cap,
            moment,
        } = self;
        latency.write(params);
        let rows = [
            ("cap", Some(format_duration(*cap)).filter(|_| *cap != CAP)),
            (
                "moment",
                moment
                    .filter(|_| *moment != usual)
                    .map(|moment| moment.to_string()),
            ),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}
