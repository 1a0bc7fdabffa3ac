//! How logs write down when.

/// Dates as logs write them: `d` is a digit, `M` the name of a month, everything else itself.
const DATES: [&str; 6] = [
    "dddd-dd-dd",
    "dddd/dd/dd",
    "dd/M/dddd",
    "dd M dddd",
    "M dd",
    "M  d",
];

/// Times of day, the finer ones first.
const CLOCK: &str = "dd:dd:dd";

/// Time zones behind it.
const ZONES: [&str; 8] = [
    "Z", "+dd:dd", "-dd:dd", "+dddd", "-dddd", " +dddd", " -dddd", " UTC",
];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// How many bytes of `text` are a date, a time of day, or both, from its beginning on; none if it begins
/// with neither.
pub(super) fn time(text: &str) -> Option<usize> {
    let date = DATES.iter().find_map(|shape| fits(shape, text));
    let length = match date {
        Some(date) => date + clock_behind(text.get(date..)?).unwrap_or(0),
        None => clock(text)?,
    };
    let next = text.get(length..)?.chars().next();
    (!next.is_some_and(|c| c.is_ascii_digit())).then_some(length)
}

/// A time of day behind a date, with what stands between them.
fn clock_behind(text: &str) -> Option<usize> {
    let separator = text.chars().next()?;
    let rest = text.strip_prefix(['T', ' ', ':', '_'])?;
    Some(separator.len_utf8() + clock(rest)?)
}

/// `05:15:45`, with parts of a second and a time zone if there are such.
fn clock(text: &str) -> Option<usize> {
    let mut length = fits(CLOCK, text)?;
    let rest = text.get(length..)?;
    if let Some(parts) = rest.strip_prefix(['.', ',']) {
        let digits = parts.bytes().take_while(u8::is_ascii_digit).count();
        length += if digits > 0 { 1 + digits } else { 0 };
    }
    let rest = text.get(length..)?;
    let zone = ZONES.iter().find_map(|shape| fits(shape, rest));
    Some(length + zone.unwrap_or(0))
}

/// How long what fits is.
fn fits(shape: &str, text: &str) -> Option<usize> {
    let mut rest = text;
    for symbol in shape.chars() {
        rest = match symbol {
            'd' => rest.strip_prefix(|c: char| c.is_ascii_digit())?,
            'M' => MONTHS.iter().find_map(|month| rest.strip_prefix(month))?,
            itself => rest.strip_prefix(itself)?,
        };
    }
    Some(text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::time;

    #[track_caller]
    fn check(text: &str, rest: &str) {
        let found = time(text).and_then(|length| text.get(length..));
        assert_eq!(found, Some(rest), "{text}");
    }

    #[test]
    fn logs_write_times_in_these_ways() {
        check("2026-11-23T05:15:45.123456789Z up", " up");
        check("2026-11-23 05:15:45,123 +0100 up", " up");
        check("2026-11-23T05:15:45+01:00] up", "] up");
        check("2026/11/23 05:15:45 up", " up");
        check("23/Nov/2026:05:15:45 +0000] up", "] up");
        check("23 Nov 2026 05:15:45.123 * up", " * up");
        check("Nov 23 05:15:45 host", " host");
        check("Nov  3 05:15:45 host", " host");
        check("05:15:45.1 up", " up");
        check("2026-11-23, cloudy", ", cloudy");
    }

    #[test]
    fn other_numbers_are_no_times() {
        for text in [
            "2026",
            "12:34",
            "1-2-3",
            "November 23",
            "Nov x",
            "05:15:455",
            "",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
