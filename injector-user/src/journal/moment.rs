//! Times as Python's `datetime.isoformat` writes them.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// In UTC to the microsecond.
const ISO: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00");

/// When a run began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning(pub(super) SystemTime);

impl Beginning {
    /// So many milliseconds later.
    pub(super) fn after_ms(self, ms: f64) -> String {
        let later = Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default();
        let at = OffsetDateTime::from(self.0 + later);
        at.format(ISO).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Beginning;

    #[test]
    fn a_moment_is_written_as_python_does() {
        let began = SystemTime::UNIX_EPOCH + Duration::from_millis(1_750_000_000_123);
        let began = Beginning(began);
        assert_eq!(began.after_ms(0.0), "2025-06-15T15:06:40.123000+00:00");
        assert_eq!(began.after_ms(1_500.25), "2025-06-15T15:06:41.623250+00:00");
    }
}
