//! Time since the run began. The wall time of the beginning is given by the caller.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

/// The time of one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    began: Instant,
    wall: SystemTime,
}

impl Clock {
    /// Starts now, at this wall time.
    pub(super) fn start(wall: SystemTime) -> Self {
        Self {
            began: Instant::now(),
            wall,
        }
    }

    /// Since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The wall time of an offset, in RFC 3339 to the millisecond.
    pub(super) fn wall(&self, offset: Duration) -> String {
        let at = OffsetDateTime::from(self.wall + offset);
        let whole = at.replace_millisecond(at.millisecond()).unwrap_or(at);
        whole.format(&Rfc3339).unwrap_or_default()
    }
}

/// Waits; not even for the scheduler if there is nothing to wait for.
pub(super) async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

/// Milliseconds to the microsecond: more digits only make the report longer.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
