//! Probabilities: `0.1` or `10%`.

use std::fmt;
use std::str::FromStr;

use crate::problem::Invalid;

/// The kernel compares 32 random bits with a threshold, so this many chances make certainty.
const CERTAIN: f64 = 4_294_967_296.0;

/// A probability in `[0, 1]`, drawn with a resolution of 2^-32.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Probability(f64);

impl Probability {
    pub const ALWAYS: Self = Self(1.0);
    pub const NEVER: Self = Self(0.0);

    /// `None` outside `[0, 1]` and for what is not a number.
    pub fn new(value: f64) -> Option<Self> {
        // Adding zero turns the negative zero into the positive one.
        (0.0..=1.0).contains(&value).then_some(Self(value + 0.0))
    }

    pub fn get(self) -> f64 {
        self.0
    }

    /// How many of 2^32 equally likely draws inject: `0..=2^32`.
    pub fn threshold(self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in 0..=2^32 by construction, where an f64 is exact"
        )]
        let threshold = (self.0 * CERTAIN).round() as u64;
        threshold
    }
}

impl FromStr for Probability {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let (number, percent) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (text, false),
        };
        let malformed = || {
            Invalid::saying(format!("`{text}` is not a probability")).hint("for example 0.1 or 10%")
        };
        if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '-') {
            return Err(malformed());
        }
        let Ok(value) = number.parse::<f64>() else {
            return Err(malformed());
        };
        let value = if percent { value / 100.0 } else { value };
        let probability = Self::new(value).ok_or_else(|| {
            let invalid = Invalid::saying(format!("`{text}` is not between 0 and 1"));
            if !percent && (1.0..=100.0).contains(&value) {
                invalid.hint(format!("did you mean {number}%"))
            } else {
                invalid.hint("for example 0.1 or 10%")
            }
        })?;
        if probability.threshold() == 0 && probability.0 > 0.0 {
            return Err(Invalid::saying(format!(
                "`{text}` is smaller than the smallest chance that can be drawn"
            ))
            .hint("the smallest is 2.4e-10"));
        }
        Ok(probability)
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, threshold: u64) {
        let probability = Probability::from_str(text).unwrap();
        assert_eq!(probability.threshold(), threshold, "{text}");
    }

    fn check_bad(text: &str, message: &str, hint: &str) {
        let invalid = Probability::from_str(text).unwrap_err();
        assert_eq!(
            (invalid.message.as_str(), invalid.hint.as_str()),
            (message, hint)
        );
    }

    #[test]
    fn both_spellings_give_the_same_threshold() {
        check("0", 0);
        check("1", 1 << 32);
        check("100%", 1 << 32);
        check("0.5", 1 << 31);
        check("50%", 1 << 31);
        check("0.1", 429_496_730);
        check("10%", 429_496_730);
        check("10 %", 429_496_730);
        check(".1", 429_496_730);
        check("1e-3", 4_294_967);
    }

    #[test]
    fn a_forgotten_percent_sign_is_named() {
        check_bad("10", "`10` is not between 0 and 1", "did you mean 10%");
        check_bad("1.5", "`1.5` is not between 0 and 1", "did you mean 1.5%");
    }

    #[test]
    fn nonsense_is_refused() {
        let hint = "for example 0.1 or 10%";
        check_bad("-0.1", "`-0.1` is not between 0 and 1", hint);
        check_bad("101%", "`101%` is not between 0 and 1", hint);
        check_bad("5000", "`5000` is not between 0 and 1", hint);
        for text in ["", "often", "nan", "inf", "%", "0.1.2", "+inf", "0,1"] {
            check_bad(text, &format!("`{text}` is not a probability"), hint);
        }
    }

    #[test]
    fn a_chance_too_small_to_draw_is_refused_and_not_rounded_to_never() {
        check_bad(
            "1e-11",
            "`1e-11` is smaller than the smallest chance that can be drawn",
            "the smallest is 2.4e-10",
        );
        check("2.4e-10", 1);
    }

    #[test]
    fn only_numbers_between_zero_and_one_are_probabilities() {
        assert_eq!(Probability::new(f64::NAN), None);
        assert_eq!(Probability::new(1.000_001), None);
        assert_eq!(Probability::new(-0.0).unwrap().to_string(), "0");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(value in 0.0..=1.0_f64) {
            let probability = Probability::new(value).unwrap();
            let read = Probability::from_str(&probability.to_string());
            prop_assert!(read == Ok(probability) || probability.threshold() == 0);
        }

        #[test]
        fn no_text_panics(text in ".{0,20}") {
            prop_assert!(Probability::from_str(&text).is_ok_and(|p| p.threshold() <= 1 << 32)
                || Probability::from_str(&text).is_err());
        }
    }
}
