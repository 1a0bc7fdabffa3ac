//! Which of the matching events a fault may act on: strace's `first[..last][+[step]]`.
//!
//! The grammar and the limits are those of strace's `inject=…:when=`, `parse_inject_token` in
//! <https://github.com/strace/strace/blob/v7.2/src/filter_qualify.c>.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::problem::Invalid;

/// The largest `first` and `step`.
const MAX: u32 = 65_535;
/// The largest `last`; 65535 means "without end" in strace.
const MAX_LAST: u32 = 65_534;

/// Events are counted from 1, over all events that match the fault's target and filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct When {
    /// `1..=65535`.
    first: u32,
    /// `first..=65534`; without it, no end.
    last: Option<u32>,
    /// `1..=65535`, or 0: `first` only.
    step: u32,
}

impl When {
    /// Every event, which is also the default.
    pub const EVERY: Self = Self {
        first: 1,
        last: None,
        step: 1,
    };

    pub fn first(self) -> u32 {
        self.first
    }

    pub fn last(self) -> Option<u32> {
        self.last
    }

    /// 0 means that only `first` is meant.
    pub fn step(self) -> u32 {
        self.step
    }

    /// Whether the fault may act on the `n`th matching event, counted from 1.
    pub fn includes(self, n: u64) -> bool {
        let first = u64::from(self.first);
        let ended = self.last.is_some_and(|last| n > u64::from(last));
        match n.checked_sub(first) {
            None => false,
            Some(_) if ended => false,
            Some(since) if self.step == 0 => since == 0,
            Some(since) => since.is_multiple_of(u64::from(self.step)),
        }
    }
}

impl Default for When {
    fn default() -> Self {
        Self::EVERY
    }
}

impl FromStr for When {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut rest = text;
        let first = number(text, "first", &mut rest, MAX)?;
        let mut last = None;
        if let Some(after) = rest.strip_prefix("..") {
            rest = after;
            last = Some(number(text, "last", &mut rest, MAX_LAST)?);
        }
        let mut step = None;
        if let Some(after) = rest.strip_prefix('+') {
            rest = after;
            let every = rest.is_empty();
            step = Some(if every {
                1
            } else {
                number(text, "step", &mut rest, MAX)?
            });
        }
        if !rest.is_empty() {
            return Err(no_when(text));
        }
        if last.is_some_and(|last| last < first) {
            return Err(Invalid::saying(format!("`{text}` ends before it begins"))
                .hint("first..last, for example 2..5"));
        }
        let step = step.unwrap_or(u32::from(last.is_some()));
        Ok(Self { first, last, step })
    }
}

/// What strtol(3) leaves out before digits, beside one sign.
const SPACE: [char; 6] = [' ', '\t', '\n', '\u{b}', '\u{c}', '\r'];

fn no_when(text: &str) -> Invalid {
    Invalid::saying(format!("`{text}` does not say when"))
        .hint("first[..last][+step], for example 3, 2..5, 1+ or 10+5")
}

/// Takes a number from the beginning of `rest`, as strtol(3) does for strace.
fn number(whole: &str, name: &str, rest: &mut &str, max: u32) -> Result<u32, Invalid> {
    let unsigned = rest.trim_start_matches(SPACE);
    let unsigned = unsigned.strip_prefix('+').unwrap_or(unsigned);
    let after = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &unsigned[..unsigned.len() - after.len()];
    *rest = after;
    if digits.is_empty() {
        return Err(no_when(whole));
    }
    match digits.parse::<u32>() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(
            Invalid::saying(format!("{name} in `{whole}` is not between 1 and {max}")).hint(
                format!("a whole number from 1 to {max}, as in 3, 2..5 or 10+5"),
            ),
        ),
    }
}

impl fmt::Display for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.first)?;
        if let Some(last) = self.last {
            write!(out, "..{last}")?;
        }
        match (self.last, self.step) {
            (None, 0) | (Some(_), 1) => Ok(()),
            (None, 1) => out.write_str("+"),
            (_, step) => write!(out, "+{step}"),
        }
    }
}

impl From<When> for String {
    fn from(when: When) -> Self {
        when.to_string()
    }
}

impl TryFrom<String> for When {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, included: &[u64]) {
        let when = When::from_str(text).unwrap();
        let found: Vec<u64> = (0..=12).filter(|n| when.includes(*n)).collect();
        assert_eq!(found, included, "{text}");
    }

    fn check_bad(text: &str, message: &str) {
        assert_eq!(When::from_str(text).unwrap_err().message, message);
    }

    #[test]
    fn every_form_of_strace_chooses_what_strace_chooses() {
        check("3", &[3]);
        check("3+", &[3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        check("3+4", &[3, 7, 11]);
        check("2..5", &[2, 3, 4, 5]);
        check("2..5+", &[2, 3, 4, 5]);
        check("2..9+3", &[2, 5, 8]);
        check("4..4", &[4]);
    }

    #[test]
    fn the_default_is_every_event() {
        assert_eq!(When::default(), When::from_str("1+").unwrap());
        assert!((1..1000).all(|n| When::default().includes(n)));
        assert!(!When::default().includes(0));
    }

    #[test]
    fn what_strace_refuses_is_refused() {
        check_bad("0", "first in `0` is not between 1 and 65535");
        check_bad("65536", "first in `65536` is not between 1 and 65535");
        check_bad("1..65535", "last in `1..65535` is not between 1 and 65534");
        check_bad("1+0", "step in `1+0` is not between 1 and 65535");
        check_bad("5..2", "`5..2` ends before it begins");
        for text in [
            "", "+", "..", "1..", "..5", "1.5", "1...5", "-1", "1++", "1 + 2", "x", "1+x", "1+2+3",
            "3 ",
        ] {
            check_bad(text, &format!("`{text}` does not say when"));
        }
    }

    #[test]
    fn a_sign_and_space_before_a_number_are_left_out() {
        check("+3", &[3]);
        check(" 3++4", &[3, 7, 11]);
        check("2..\t+5", &[2, 3, 4, 5]);
    }

    #[test]
    fn the_limits_themselves_are_accepted() {
        assert_eq!(When::from_str("65535+65535").unwrap().first(), 65_535);
        assert_eq!(When::from_str("1..65534").unwrap().last(), Some(65_534));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(first in 1..=MAX_LAST, more in 0..=MAX_LAST, step in 0..=MAX) {
            let last = (more > 0).then(|| (first + more).min(MAX_LAST));
            let step = if last.is_some() { step.max(1) } else { step };
            let when = When { first, last, step };
            prop_assert_eq!(when.to_string().parse(), Ok(when));
        }

        #[test]
        fn no_text_panics(text in "[0-9.+]{0,12}|.{0,12}", n: u64) {
            prop_assert!(When::from_str(&text).is_ok_and(|when| when.includes(n) || n != 1 || when.first() > 1)
                || When::from_str(&text).is_err());
        }
    }
}
