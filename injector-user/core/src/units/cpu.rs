//! Shares of processors, as cgroups give them out.

use std::fmt;
use std::str::FromStr;

use crate::problem::Invalid;

/// How much processor time per time, in percent of one processor: `20%`, `150%`, `12.5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CpuShare {
    /// Hundredths of a percent, at least one.
    points: u32,
}

/// Of one processor.
const WHOLE: u64 = 10_000;

/// More processors than Linux can be built for.
const MOST: u32 = 10_000 * 10_000;

impl CpuShare {
    /// What of `period`, in the same unit, rounded down.
    pub fn of(self, period: u64) -> u64 {
        period.saturating_mul(u64::from(self.points)) / WHOLE
    }

    /// The share that `part` of `period` is, rounded down to hundredths of a percent.
    pub fn from_parts(part: u64, period: u64) -> Self {
        let points = part.saturating_mul(WHOLE) / period.max(1);
        Self {
            points: u32::try_from(points).unwrap_or(MOST).clamp(1, MOST),
        }
    }

    /// As much more as `factor`, in `(0, 1]`, is less than one.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to what fits, and a cast saturates"
    )]
    pub fn divided_by(self, factor: f64) -> Self {
        let points = (f64::from(self.points) / factor).round() as u32;
        Self {
            points: points.clamp(1, MOST),
        }
    }
}

impl FromStr for CpuShare {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            Invalid::saying(format!("`{text}` is not a share of a processor"))
                .hint("percent of one processor, such as 20% or 150%")
        };
        let number = text.trim().strip_suffix('%').ok_or_else(invalid)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 {
            return Err(invalid());
        }
        let points: u64 = format!("{whole}{part:0<2}")
            .parse()
            .map_err(|_too_long| invalid())?;
        let points = u32::try_from(points).ok();
        let points = points.filter(|points| (1..=MOST).contains(points));
        points.map(|points| Self { points }).ok_or_else(|| {
            Invalid::saying(format!("`{text}` is not a share of a processor"))
                .hint("more than 0%, at most 1000000%")
        })
    }
}

impl fmt::Display for CpuShare {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.points / 100, self.points % 100);
        match (part, part % 10) {
            (0, _) => write!(out, "{whole}%"),
            (_, 0) => write!(out, "{whole}.{}%", part / 10),
            _ => write!(out, "{whole}.{part:02}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::CpuShare;

    #[test]
    fn shares_are_read_in_percent_of_one_processor() {
        for (text, of_100ms, printed) in [
            ("20%", 20_000, "20%"),
            ("150%", 150_000, "150%"),
            ("12.5%", 12_500, "12.5%"),
            ("0.05%", 50, "0.05%"),
            ("7.10%", 7_100, "7.1%"),
        ] {
            let share: CpuShare = text.parse().unwrap();
            assert_eq!(
                (share.of(100_000), share.to_string().as_str()),
                (of_100ms, printed)
            );
            assert_eq!(CpuShare::from_parts(of_100ms, 100_000), share);
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for text in [
            "", "20", "0.2", "%", "0%", "0.001%", "-1%", "+5%", "1e3%", ".5%", "5.%", "1000001%",
        ] {
            assert!(text.parse::<CpuShare>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(points in 1..=super::MOST) {
            let share = CpuShare { points };
            prop_assert_eq!(share.to_string().parse(), Ok(share));
        }

        #[test]
        fn no_text_panics(text in "[0-9.]{0,20}%?|.{0,12}") {
            let _either = text.parse::<CpuShare>().is_ok();
        }
    }
}
