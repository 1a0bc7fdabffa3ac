//! `syscall.delay`: what makes a system call take longer.

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
    /// Before the call is made, or after.
    pub moment: Moment,
}

impl Sleep {
    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let latency = Latency::read(reader, LONGEST);
        let cap = reader.or("cap", CAP, |text| between(text, SHORTEST, LONGEST));
        let moment = reader.or("moment", Moment::Before, str::parse);
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

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
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
                Some(moment.to_string()).filter(|_| *moment != Moment::Before),
            ),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}
