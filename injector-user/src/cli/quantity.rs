//! Numbers as people read them, in the unit that suits them.

/// Seconds, with three digits.
pub(super) fn duration(seconds: f64) -> String {
    let (value, unit) = if seconds < 1e-6 {
        (seconds * 1e9, "ns")
    } else if seconds < 1e-3 {
        (seconds * 1e6, "µs")
    } else if seconds < 1.0 {
        (seconds * 1e3, "ms")
    } else {
        (seconds, "s")
    };
    if value < 10.0 {
        format!("{value:.2} {unit}")
    } else if value < 100.0 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

pub(super) fn bytes(value: f64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let (mut value, mut unit) = (value, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// How many in a second, in five characters at most below 100 millions.
pub(super) fn rate(value: f64) -> String {
    if value >= 999_950.0 {
        format!("{:.1}M", value / 1e6)
    } else if value >= 9_999.5 {
        format!("{:.0}k", value / 1e3)
    } else if value >= 99.95 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

/// As a quantity of bytes is a number of which digits do not matter.
#[expect(
    clippy::cast_precision_loss,
    reason = "it is shown with one digit after the point"
)]
pub(super) fn count(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::{bytes, duration, rate};

    #[test]
    fn durations_have_three_digits() {
        let shown = [5e-7, 1.234e-6, 0.0456, 0.789, 12.3].map(duration);
        assert_eq!(shown, ["500 ns", "1.23 µs", "45.6 ms", "789 ms", "12.3 s"]);
    }

    #[test]
    fn bytes_have_a_unit_that_suits_them() {
        assert_eq!(
            [0.0, 2048.0, 3.0 * 1_048_576.0].map(bytes),
            ["0.0 B", "2.0 KiB", "3.0 MiB"]
        );
    }

    #[test]
    fn rates_are_short_and_never_need_more_digits_than_they_have() {
        let shown = [0.0, 99.94, 99.96, 9_999.4, 9_999.6, 999_949.0, 999_951.0].map(rate);
        assert_eq!(
            shown,
            ["0.0", "99.9", "100", "9999", "10k", "1000k", "1.0M"]
        );
    }
}
