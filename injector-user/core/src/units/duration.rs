//! Durations: `250us`, `20ms`, `5s`, `1m30s`.

use std::time::Duration;

use crate::problem::{Invalid, Unhinted};

/// Unit names with their length in nanoseconds, longest first.
const UNITS: [(&str, u64); 7] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// Reads a duration of one or more parts, each with its unit: `20ms`, `1.5s`, `1m30s`.
///
/// Units are `ns`, `us`, `ms`, `s`, `m` and `h`, in falling order. The value is exact to the
/// nanosecond and at most 2^64 - 1 ns (584 years).
pub fn parse_duration(text: &str) -> Result<Duration, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Invalid::saying("a duration is missing").hint("for example 20ms"));
    }
    if text.starts_with('-') {
        return Err(Invalid::saying(format!("`{text}` is negative"))
            .hint("a time from 0s on, for example 20ms"));
    }
    let mut rest = text;
    let mut total: u64 = 0;
    let mut longest = u64::MAX;
    while !rest.is_empty() {
        let (nanoseconds, unit, after) = part(rest, text)?;
        if unit >= longest {
            return Err(malformed(text).hint("each unit once, longest first, as in 1m30s"));
        }
        longest = unit;
        total = total
            .checked_add(nanoseconds)
            .ok_or_else(|| too_long(text))?;
        rest = after;
    }
    Ok(Duration::from_nanos(total))
}

/// The shortest exact spelling: the longest unit that divides it, `90s` and not `1m30s`.
pub fn format_duration(duration: Duration) -> String {
    let total = duration.as_nanos();
    if total == 0 {
        return "0s".to_owned();
    }
    for (name, length) in UNITS {
        let length = u128::from(length);
        if total.is_multiple_of(length) && name != "µs" {
            return format!("{}{name}", total / length);
        }
    }
    format!("{total}ns")
}

/// Nanoseconds as the kernel takes them; what does not fit is the longest there is.
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// One number and its unit: the nanoseconds, the unit's length and the text after it.
fn part<'a>(rest: &'a str, whole: &str) -> Result<(u64, u64, &'a str), Invalid> {
    let digits = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (number, after) = rest.split_at(digits);
    let letters = after
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(after.len());
    let (unit, after) = after.split_at(letters);
    if number.is_empty() {
        return Err(malformed(whole).hint("a number and a unit, for example 20ms"));
    }
    if unit.is_empty() {
        return Err(Invalid::saying(format!("`{whole}` has no unit"))
            .hint(format!("for example {number}ms or {number}s")));
    }
    let Some((_, length)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(unknown_unit(whole, unit, number));
    };
    let nanoseconds = scaled(number, *length, whole)?;
    Ok((nanoseconds, *length, after))
}

/// `number`, which may have decimals, times `length`, exactly.
fn scaled(number: &str, length: u64, whole: &str) -> Result<u64, Invalid> {
    let (integer, decimals) = number.split_once('.').unwrap_or((number, ""));
    let bad_point = number.contains('.') && (integer.is_empty() || decimals.is_empty());
    if bad_point || decimals.contains('.') {
        return Err(malformed(whole).hint("for example 1.5s"));
    }
    let mut total = integer
        .parse::<u64>()
        .ok()
        .and_then(|integer| integer.checked_mul(length))
        .ok_or_else(|| too_long(whole))?;
    let mut weight = length;
    for digit in decimals.bytes() {
        let digit = u64::from(digit - b'0');
        if digit != 0 && (weight == 0 || !weight.is_multiple_of(10)) {
            return Err(
                Invalid::saying(format!("`{whole}` is not a whole number of nanoseconds"))
                    .hint("nothing is shorter than 1ns; leave decimals away"),
            );
        }
        weight /= 10;
        total = total
            .checked_add(digit * weight)
            .ok_or_else(|| too_long(whole))?;
    }
    Ok(total)
}

fn unknown_unit(whole: &str, unit: &str, number: &str) -> Invalid {
    let meant = match unit.trim().to_lowercase().as_str() {
        "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" | "ms" => "ms",
        "usec" | "usecs" | "micros" | "microsecond" | "microseconds" | "us" | "μs" => "us",
        "nsec" | "nsecs" | "nanos" | "nanosecond" | "nanoseconds" | "ns" => "ns",
        "sec" | "secs" | "second" | "seconds" | "s" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hour" | "hours" | "hr" | "hrs" | "h" => "h",
        _ => {
            return Invalid::saying(format!("`{unit}` in `{whole}` is not a unit of time"))
                .hint("units are ns, us, ms, s, m and h");
        }
    };
    Invalid::saying(format!("`{unit}` in `{whole}` is not a unit of time"))
        .hint(format!("did you mean {number}{meant}"))
}

fn malformed(whole: &str) -> Unhinted {
    Invalid::saying(format!("`{whole}` is not a duration"))
}

fn too_long(whole: &str) -> Invalid {
    Invalid::saying(format!("`{whole}` is longer than any duration can be"))
        .hint("at most 584 years fit; faults last 720h at most")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, nanoseconds: u64) {
        assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanoseconds)));
    }

    fn check_bad(text: &str, message: &str, hint: &str) {
        let invalid = parse_duration(text).unwrap_err();
        assert_eq!(
            (invalid.message.as_str(), invalid.hint.as_str()),
            (message, hint)
        );
    }

    #[test]
    fn every_unit_is_read_exactly() {
        check("1ns", 1);
        check("250us", 250_000);
        check("250µs", 250_000);
        check("20ms", 20_000_000);
        check("5s", 5_000_000_000);
        check("1m30s", 90_000_000_000);
        check("1h", 3_600_000_000_000);
        check("1.5s", 1_500_000_000);
        check("0.1ms", 100_000);
        check("0s", 0);
        check(" 20ms ", 20_000_000);
    }

    #[test]
    fn a_bare_number_is_refused_with_a_unit_to_add() {
        check_bad("20", "`20` has no unit", "for example 20ms or 20s");
        check_bad("1m30", "`1m30` has no unit", "for example 30ms or 30s");
    }

    #[test]
    fn a_wrong_unit_is_recognised() {
        check_bad(
            "20msec",
            "`msec` in `20msec` is not a unit of time",
            "did you mean 20ms",
        );
        check_bad(
            "5 seconds",
            "` seconds` in `5 seconds` is not a unit of time",
            "did you mean 5s",
        );
        check_bad(
            "64KiB",
            "`KiB` in `64KiB` is not a unit of time",
            "units are ns, us, ms, s, m and h",
        );
    }

    #[test]
    fn nonsense_is_refused() {
        check_bad("", "a duration is missing", "for example 20ms");
        check_bad(
            "-5s",
            "`-5s` is negative",
            "a time from 0s on, for example 20ms",
        );
        check_bad(
            "soon",
            "`soon` is not a duration",
            "a number and a unit, for example 20ms",
        );
        check_bad(
            "30s1m",
            "`30s1m` is not a duration",
            "each unit once, longest first, as in 1m30s",
        );
        check_bad("1.2.3s", "`1.2.3s` is not a duration", "for example 1.5s");
        check_bad(".5s", "`.5s` is not a duration", "for example 1.5s");
        check_bad(
            "0.5ns",
            "`0.5ns` is not a whole number of nanoseconds",
            "nothing is shorter than 1ns; leave decimals away",
        );
        check_bad(
            "99999999999999999999h",
            "`99999999999999999999h` is longer than any duration can be",
            "at most 584 years fit; faults last 720h at most",
        );
    }

    #[test]
    fn the_longest_unit_that_divides_is_printed() {
        let shown = |text: &str| format_duration(parse_duration(text).unwrap());
        assert_eq!(shown("1m30s"), "90s");
        assert_eq!(shown("60s"), "1m");
        assert_eq!(shown("1.5ms"), "1500us");
        assert_eq!(shown("0ms"), "0s");
        assert_eq!(shown("1001ns"), "1001ns");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(nanoseconds: u64) {
            let duration = Duration::from_nanos(nanoseconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}|[0-9.]{0,25}[a-zµ]{0,3}[0-9.]{0,5}") {
            let shown = parse_duration(&text).map(format_duration);
            prop_assert!(shown.is_err() || !shown.unwrap().is_empty());
        }
    }
}
