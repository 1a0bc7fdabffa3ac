//! What becomes of a call that was hit: an error, a success in which nothing was done, a part of it, a
//! wait, or the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::delay::Sleep;
use crate::fault::errno::Errno;
use crate::fault::given::Reader;
use crate::fault::process::Signal;
use crate::problem::Invalid;
use crate::units::Probability;
use crate::words::words;

/// How many errors one fault may draw from.
pub const MAX_ERRORS: usize = 16;
pub const MAX_WEIGHT: u32 = 1000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// One of these, each in `1..=`[`MAX_WEIGHT`] of all weights; `1..=`[`MAX_ERRORS`] of them, each
    /// error once.
    Errors(Vec<(Errno, u32)>),
    /// As if it had been done.
    Returns(Returned),
    /// It is made for this share of its bytes, and of one at least.
    Short(Share),
    /// Its process is sent a signal.
    Crashes(Crash),
    /// Its caller sleeps.
    Delays(Box<Sleep>),
}

/// More than nothing and less than all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(Probability);

impl Eq for Share {}

impl Share {
    /// Of 2^32.
    pub fn part(self) -> u32 {
        u32::try_from(self.0.threshold()).unwrap_or(u32::MAX)
    }
}

impl FromStr for Share {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let share: Probability = text.parse()?;
        if (1..1 << 32).contains(&share.threshold()) {
            return Ok(Self(share));
        }
        Err(Invalid::saying(format!("`{text}` is not a part of a transfer")).hint("such as 50%"))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A signal at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    pub signal: Signal,
    pub moment: Moment,
}

/// When a call suffers that is not told another result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// The call has not been made, and after a signal is not: a process that goes on sees it interrupted.
    Before,
    /// The call has been made, and its process does not see it return yet.
    After,
}

words!(Moment, "a moment", { Before => "before", After => "after" });

impl Crash {
    /// What a call gives that is not made, to a process that goes on.
    pub const ERRNO: Errno = Errno::EINTR;
}

/// What a call returns that did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// `0..=`[`i32::MAX`].
    Number(u32),
    /// As many bytes as were asked for: the lost write.
    Requested,
}

const REQUESTED: &str = "requested";
const MAX_NUMBER: u32 = i32::MAX.unsigned_abs();

impl From<Errno> for Outcome {
    fn from(errno: Errno) -> Self {
        Self::Errors(vec![(errno, 1)])
    }
}

impl Outcome {
    /// What a call is that it happens to.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Delays(_) => "made to wait",
            _ => "made to fail",
        }
    }

    /// Lets callers that sleep do so for a shorter time.
    pub(crate) fn shorten(&mut self, factor: f64) {
        if let Self::Delays(sleep) = self {
            sleep.shorten(factor);
        }
    }

    /// How long callers sleep, on average, if they do.
    pub fn latency(&self) -> Option<Duration> {
        match self {
            Self::Delays(sleep) => Some(sleep.latency.mean),
            _ => None,
        }
    }

    /// When it happens to the call; none if that does not matter.
    pub fn moment(&self) -> Option<Moment> {
        match self {
            Self::Crashes(crash) => Some(crash.moment),
            Self::Delays(sleep) => sleep.moment,
            Self::Errors(_) | Self::Returns(_) | Self::Short(_) => Some(Moment::Before),
        }
    }

    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let both = reader.has("errno") && reader.has("retval");
        let short = reader.has("short");
        let neither = !reader.has("errno") && !reader.has("retval") && !short;
        let errors = reader.optional("errno", errors).map(Self::Errors);
        let returned = reader.optional("retval", str::parse).map(Self::Returns);
        if both {
            let invalid = Invalid::saying("a call that fails with an errno returns nothing else");
            reader.conflict("retval", invalid.hint("leave `errno` or `retval` away"));
        }
        if short && (reader.has("errno") || reader.has("retval")) {
            let invalid = Invalid::saying("a call that is made in part returns what it has moved");
            reader.conflict("short", invalid.hint("leave `short` or the other away"));
        }
        if neither {
            let invalid = Invalid::saying("syscall.error needs `errno`, `retval` or `short`");
            reader.conflict("errno", invalid.hint("for example EIO"));
        }
        let short = reader.optional("short", str::parse).map(Self::Short);
        errors.or(returned).or(short)
    }

    /// The same of calls that take longer.
    pub(in crate::fault) fn read_delay(reader: &mut Reader<'_>) -> Option<Self> {
        let sleep = Sleep::read(reader, Some(Moment::Before));
        sleep.map(Box::new).map(Self::Delays)
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let (name, text) = match self {
            Self::Errors(errors) => {
                let all: Vec<_> = errors.iter().copied().map(weighted).collect();
                ("errno", all.join(","))
            }
            Self::Returns(returned) => ("retval", returned.to_string()),
            Self::Short(share) => ("short", share.to_string()),
            Self::Delays(sleep) => return sleep.write(Some(Moment::Before), params),
            // It has words of its own.
            Self::Crashes(_) => return,
        };
        params.insert(name.to_owned(), text);
    }
}

fn weighted((errno, weight): (Errno, u32)) -> String {
    match weight {
        1 => errno.to_string(),
        weight => format!("{errno}:{weight}"),
    }
}

/// `EIO`, or `EIO:3,ENOSPC`.
pub(in crate::fault) fn errors(text: &str) -> Result<Vec<(Errno, u32)>, Invalid> {
    let all: Vec<_> = text.split(',').map(error).collect::<Result<_, _>>()?;
    let different: BTreeSet<Errno> = all.iter().map(|(errno, _)| *errno).collect();
    if different.len() < all.len() {
        return Err(Invalid::saying(format!("`{text}` has an error twice"))
            .hint("each once, with a weight such as EIO:3,ENOSPC:1"));
    }
    if all.len() > MAX_ERRORS {
        return Err(
            Invalid::saying(format!("{} errors are too many", all.len()))
                .hint(format!("at most {MAX_ERRORS}")),
        );
    }
    Ok(all)
}

fn error(text: &str) -> Result<(Errno, u32), Invalid> {
    let (errno, weight) = match text.split_once(':') {
        Some((errno, weight)) => (errno, Some(weight.trim())),
        None => (text, None),
    };
    let errno = errno.trim().parse()?;
    let Some(weight) = weight else {
        return Ok((errno, 1));
    };
    let plain = weight.bytes().all(|byte| byte.is_ascii_digit());
    match weight.parse() {
        Ok(number) if plain && (1..=MAX_WEIGHT).contains(&number) => Ok((errno, number)),
        _ => Err(
            Invalid::saying(format!("`{weight}` is not the weight of an error")).hint(format!(
                "a whole number from 1 to {MAX_WEIGHT}, as in EIO:3,ENOSPC:1"
            )),
        ),
    }
}

impl FromStr for Returned {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == REQUESTED {
            return Ok(Self::Requested);
        }
        match number(text).filter(|number| *number <= MAX_NUMBER) {
            Some(number) => Ok(Self::Number(number)),
            None => Err(
                Invalid::saying(format!("`{text}` is not what a call can return")).hint(format!(
                    "a whole number from 0 to {MAX_NUMBER}, or {REQUESTED}: as many bytes as were \
                     asked for"
                )),
            ),
        }
    }
}

/// As strtoull(3) reads it for strace: `0x` begins hexadecimal digits, `0` octal ones.
fn number(text: &str) -> Option<u32> {
    let unsigned = text.trim_start();
    let unsigned = unsigned.strip_prefix('+').unwrap_or(unsigned);
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&unsigned[2..], 16),
        [b'0', _, ..] => (&unsigned[1..], 8),
        _ => (unsigned, 10),
    };
    let plain = !digits.starts_with('+');
    u32::from_str_radix(digits, radix).ok().filter(|_| plain)
}

impl fmt::Display for Returned {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(out, "{number}"),
            Self::Requested => out.write_str(REQUESTED),
        }
    }
}
