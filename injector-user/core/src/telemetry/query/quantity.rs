//! What an answer is a number of, and limits of it as people write them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::problem::Invalid;
use crate::units::{ByteSize, format_duration, parse_duration};

/// What a value is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Things.
    Number,
    /// Things in a second.
    PerSecond,
    Seconds,
    Bytes,
    BytesPerSecond,
    /// 1 is all.
    Ratio,
}

/// What a value is compared with, exactly as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    Number(f64),
    PerSecond(f64),
    Duration(Duration),
    Bytes(ByteSize),
    BytesPerSecond(ByteSize),
    /// 100 is all.
    Percent(f64),
}

/// Digits of a number that survive being kept in binary.
const MOST_DIGITS: usize = 15;

impl Quantity {
    /// Reads a limit of this quantity.
    ///
    /// # Errors
    ///
    /// A number without the unit that it needs, or of another quantity.
    pub fn limit(self, text: &str) -> Result<Limit, Invalid> {
        match self {
            Self::Number => decimal(text)
                .map(Limit::Number)
                .ok_or_else(|| no_number(text, "a plain number, such as 5 or 0.5")),
            Self::PerSecond => decimal(text.strip_suffix("/s").unwrap_or(text))
                .map(Limit::PerSecond)
                .ok_or_else(|| no_number(text, "so many in a second, such as 5 or 0.5/s")),
            Self::Seconds => parse_duration(text).map(Limit::Duration),
            Self::Bytes => text.parse().map(Limit::Bytes),
            Self::BytesPerSecond => {
                let bytes = text.strip_suffix("/s").unwrap_or(text);
                bytes.parse().map(Limit::BytesPerSecond)
            }
            Self::Ratio => ratio(text),
        }
    }

    /// A value for people, to three digits; not for reading back.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Number => rounded(value),
            Self::PerSecond => format!("{}/s", rounded(value)),
            Self::Seconds => scaled(value, &TIMES),
            Self::Bytes => scaled(value, &SIZES),
            Self::BytesPerSecond => format!("{}/s", scaled(value, &SIZES)),
            Self::Ratio => format!("{}%", rounded(value * 100.0)),
        }
    }
}

const TIMES: [(f64, &str); 4] = [(1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")];
const SIZES: [(f64, &str); 4] = [
    (1_073_741_824.0, "GiB"),
    (1_048_576.0, "MiB"),
    (1_024.0, "KiB"),
    (1.0, "b"),
];

/// In the largest unit of which there is one at least, else in the last.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    let whole = units.iter().find(|(unit, _name)| value.abs() >= *unit);
    let found = whole.or(units.last());
    found.map_or_else(String::new, |(unit, name)| {
        format!("{}{name}", rounded(value / unit))
    })
}

/// To three digits, and none behind the point that says nothing.
fn rounded(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 3,
        _ => 5,
    };
    let text = format!("{value:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn ratio(text: &str) -> Result<Limit, Invalid> {
    let hint = "percent, such as 1%, or a part of 1, such as 0.01";
    if let Some(percent) = text.strip_suffix('%') {
        let percent = decimal(percent).map(Limit::Percent);
        return percent.ok_or_else(|| no_number(text, hint));
    }
    match decimal(text) {
        Some(part) if part > 1.0 => Err(Invalid::saying(format!("`{text}` is more than all"))
            .hint(format!("did you mean {text}%"))),
        // Moved in the text, so that 0.07 is 7% and not 7.000000000000001%.
        Some(_part) => {
            let percent = format!("{text}e2").parse().map(Limit::Percent);
            percent.map_err(|_no_number| no_number(text, hint))
        }
        None => Err(no_number(text, hint)),
    }
}

fn decimal(text: &str) -> Option<f64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || whole.len() + part.len() > MOST_DIGITS {
        return None;
    }
    text.parse().ok()
}

fn no_number(text: &str, hint: &str) -> Invalid {
    Invalid::saying(format!("`{text}` is not such a number")).hint(hint)
}

impl Limit {
    /// In seconds, bytes or parts of 1.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a limit of more than 2^53 bytes is never met anyway"
    )]
    pub fn value(self) -> f64 {
        match self {
            Self::Number(number) | Self::PerSecond(number) => number,
            Self::Duration(duration) => duration.as_secs_f64(),
            Self::Bytes(size) | Self::BytesPerSecond(size) => size.bytes() as f64,
            Self::Percent(percent) => percent / 100.0,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(out, "{number}"),
            Self::PerSecond(number) => write!(out, "{number}/s"),
            Self::Duration(duration) => out.write_str(&format_duration(*duration)),
            Self::Bytes(size) => write!(out, "{size}"),
            Self::BytesPerSecond(size) => write!(out, "{size}/s"),
            Self::Percent(percent) => write!(out, "{percent}%"),
        }
    }
}
