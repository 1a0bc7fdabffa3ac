//! Rates and sizes as tc(8) writes them, with the one spelling that misleads refused.

use std::fmt;
use std::str::FromStr;

use crate::problem::Invalid;

/// Bits per second: `10mbit`, `1.5gbit`, `800kbit`, `9600bit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BitRate(u64);

/// Bytes: `64KiB`, `1MiB`, `1514b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

/// Longest first, so that a suffix is not taken for another's end.
const RATES: [(&str, u64); 8] = [
    ("kibit", 1 << 10),
    ("mibit", 1 << 20),
    ("gibit", 1 << 30),
    ("kbit", 1_000),
    ("mbit", 1_000_000),
    ("gbit", 1_000_000_000),
    ("tbit", 1_000_000_000_000),
    ("bit", 1),
];

const SIZES: [(&str, u64); 4] = [
    ("gib", 1 << 30),
    ("mib", 1 << 20),
    ("kib", 1 << 10),
    ("b", 1),
];

impl BitRate {
    pub fn bits_per_second(self) -> u64 {
        self.0
    }

    /// Rounded to whole bits; `factor` in `(0, 1]`.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are far below 2^52, and a cast saturates"
    )]
    pub fn divided_by(self, factor: f64) -> Self {
        Self((self.0 as f64 / factor).round() as u64)
    }
}

impl ByteSize {
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Rounded to whole bytes; `factor` in `(0, 1]`.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes are far below 2^52, and a cast saturates"
    )]
    pub fn divided_by(self, factor: f64) -> Self {
        Self((self.0 as f64 / factor).round() as u64)
    }
}

impl FromStr for BitRate {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::saying(format!("`{text}` is not a rate"));
        let lower = text.trim().to_ascii_lowercase();
        if lower.ends_with("bps") {
            return Err(invalid().hint("`bps` means bytes in tc and bits elsewhere: write 10mbit"));
        }
        measured(&lower, &RATES)
            .map(Self)
            .ok_or_else(|| invalid().hint("a number with kbit, mbit or gbit, such as 10mbit"))
    }
}

impl FromStr for ByteSize {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let lower = text.trim().to_ascii_lowercase();
        measured(&lower, &SIZES).map(Self).ok_or_else(|| {
            Invalid::saying(format!("`{text}` is not a size"))
                .hint("a number with b, KiB or MiB, such as 64KiB")
        })
    }
}

/// A number and one of these units, to a whole number of the smallest.
fn measured(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = units.iter().find_map(|(name, unit)| {
        let number = text.strip_suffix(name)?.trim_end();
        Some((number, *unit))
    })?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 9 {
        return None;
    }
    if number.contains('.') && part.is_empty() {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(part.len()).ok()?);
    let number: u128 = format!("{whole}{part}").parse().ok()?;
    let total = number.checked_mul(u128::from(unit))?;
    (total % scale == 0).then(|| u64::try_from(total / scale).ok())?
}

impl fmt::Display for BitRate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = |(name, _unit): &&(&str, u64)| !name.contains("ibit");
        largest(self.0, RATES.iter().filter(decimal), out)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SPELLED: [(&str, u64); 4] = [
            ("GiB", 1 << 30),
            ("MiB", 1 << 20),
            ("KiB", 1 << 10),
            ("b", 1),
        ];
        largest(self.0, SPELLED.iter(), out)
    }
}

/// In the largest unit that leaves a whole number.
fn largest<'a>(
    value: u64,
    units: impl Iterator<Item = &'a (&'a str, u64)>,
    out: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let whole = units.filter(|(_name, unit)| value.is_multiple_of(*unit) && *unit <= value.max(1));
    match whole.max_by_key(|(_name, unit)| *unit) {
        Some((name, unit)) => write!(out, "{}{name}", value / unit),
        None => write!(out, "{value}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BitRate, ByteSize};

    #[track_caller]
    fn check_rate(text: &str, bits: u64, printed: &str) {
        let rate: BitRate = text.parse().unwrap();
        assert_eq!(
            (rate.bits_per_second(), rate.to_string().as_str()),
            (bits, printed)
        );
    }

    #[test]
    fn rates_are_read_as_tc_reads_them() {
        check_rate("10mbit", 10_000_000, "10mbit");
        check_rate("1.5 Gbit", 1_500_000_000, "1500mbit");
        check_rate("9600bit", 9600, "9600bit");
        check_rate("64kibit", 65_536, "65536bit");
    }

    #[test]
    fn sizes_are_read_with_their_unit() {
        for (text, bytes, printed) in [
            ("1514b", 1514, "1514b"),
            ("64KiB", 65_536, "64KiB"),
            ("0.5mib", 524_288, "512KiB"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, printed));
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for text in [
            "10", "10mbps", "10mb", "", "mbit", "1.mbit", "-1mbit", "1e3kbit", "0.3bit",
        ] {
            assert!(text.parse::<BitRate>().is_err(), "{text}");
        }
        for text in ["10", "64k", "64kb", "64KB", "b", "1.5b"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(value in 1..u64::from(u32::MAX) * 100) {
            let rate: BitRate = format!("{value}bit").parse().unwrap();
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
            let size = ByteSize::new(value);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn no_text_panics(text in "[0-9.]{0,30}[a-zA-Z]{0,6}|.{0,12}") {
            let _either = text.parse::<BitRate>().is_ok() && text.parse::<ByteSize>().is_ok();
        }
    }
}
