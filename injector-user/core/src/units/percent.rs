//! A share in percent, which is never guessed at from a bare number.

use std::fmt;
use std::str::FromStr;

use crate::problem::Invalid;

/// More than 0% and at most 100%, to two decimals: `50%`, `12.5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    hundredths: u16,
}

/// 100%.
const WHOLE: u16 = 10_000;

impl Percent {
    pub const ALL: Self = Self { hundredths: WHOLE };

    /// In hundredths of a percent, `1..=10_000`.
    pub fn hundredths(self) -> u16 {
        self.hundredths
    }

    /// So much of `whole`, rounded down.
    pub fn of(self, whole: u64) -> u64 {
        let share = u128::from(whole) * u128::from(self.hundredths) / u128::from(WHOLE);
        u64::try_from(share).unwrap_or(whole)
    }
}

impl FromStr for Percent {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some(number) = text.trim().strip_suffix('%').map(str::trim_end) else {
            let invalid = Invalid::saying(format!("`{text}` has no unit"));
            return Err(invalid.hint(match text.parse::<u8>() {
                Ok(1..=100) => format!("did you mean {text}%"),
                _ => "a percentage such as 50%".to_owned(),
            }));
        };
        let found = hundredths(number).filter(|share| (1..=WHOLE).contains(share));
        let invalid = || {
            Invalid::saying(format!("`{text}` is not a percentage"))
                .hint("more than 0% and at most 100%, with two decimals at most")
        };
        found
            .map(|hundredths| Self { hundredths })
            .ok_or_else(invalid)
    }
}

fn hundredths(number: &str) -> Option<u16> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let whole: u16 = whole.parse().ok()?;
    format!("{part:0<2}")
        .parse::<u16>()
        .ok()?
        .checked_add(whole.checked_mul(100)?)
}

impl fmt::Display for Percent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.hundredths / 100, self.hundredths % 100);
        if part == 0 {
            write!(out, "{whole}%")
        } else {
            let decimals = format!("{part:02}");
            write!(out, "{whole}.{}%", decimals.trim_end_matches('0'))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Percent;

    #[test]
    fn percentages_are_read_with_their_unit() {
        for (text, hundredths, printed) in [
            ("50%", 5_000, "50%"),
            ("12.5 %", 1_250, "12.5%"),
            ("0.01%", 1, "0.01%"),
            ("100%", 10_000, "100%"),
        ] {
            let percent: Percent = text.parse().unwrap();
            let found = (percent.hundredths(), percent.to_string());
            assert_eq!(found, (hundredths, printed.to_owned()));
        }
    }

    #[test]
    fn what_is_no_share_is_refused_with_what_is_one() {
        for (text, hint) in [
            ("50", "did you mean 50%"),
            ("0.5", "a percentage such as 50%"),
            (
                "0%",
                "more than 0% and at most 100%, with two decimals at most",
            ),
            (
                "100.01%",
                "more than 0% and at most 100%, with two decimals at most",
            ),
            (
                "1.234%",
                "more than 0% and at most 100%, with two decimals at most",
            ),
        ] {
            let invalid = text.parse::<Percent>().unwrap_err();
            assert_eq!(invalid.hint, hint, "{text}");
        }
    }

    #[test]
    fn a_share_of_a_whole_is_rounded_down() {
        let share = |text: &str, whole| text.parse::<Percent>().unwrap().of(whole);
        assert_eq!(share("50%", 3), 1);
        assert_eq!(share("100%", u64::MAX), u64::MAX);
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(hundredths in 1..=10_000_u16) {
            let percent = Percent { hundredths };
            prop_assert_eq!(percent.to_string().parse(), Ok(percent));
        }

        #[test]
        fn no_text_panics(text in "[0-9.]{0,30}%?|.{0,12}") {
            let _either = text.parse::<Percent>();
        }
    }
}
