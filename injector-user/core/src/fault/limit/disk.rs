//! `disk.slow` by rates: less of a disk, as the kernel's own throttling gives it.

use std::collections::BTreeMap;

use crate::fault::given::Reader;
use crate::fault::syscall::PathFilter;
use crate::problem::Invalid;
use crate::units::ByteSize;
use crate::words::words;

/// A page each second: with less the first block waits for longer than the shortest pulses last.
const LEAST_BYTES: u64 = 4_096;

/// Far above any disk, and far below where the kernel's arithmetic ends (block/blk-throttle.c multiplies
/// bytes per second by clock ticks).
const MOST_BYTES: u64 = 1 << 40;

/// One below what the kernel keeps for "max" (`UINT_MAX`).
const MOST_OPERATIONS: u64 = u32::MAX as u64 - 1;

/// A cgroup gets no more than so much of a disk, all its processes together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// A file or a directory that is stored there; absolute, as the target sees it.
    pub path: String,
    /// Each per second; never empty.
    pub rates: BTreeMap<Rate, u64>,
}

/// What is counted on its way to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rate {
    ReadBytes,
    WriteBytes,
    Reads,
    Writes,
}

words!(Rate, "a rate", {
    ReadBytes => "read_bps",
    WriteBytes => "write_bps",
    Reads => "read_iops",
    Writes => "write_iops",
});

impl Rate {
    /// As `io.max` calls it.
    pub fn key(self) -> &'static str {
        match self {
            Self::ReadBytes => "rbps",
            Self::WriteBytes => "wbps",
            Self::Reads => "riops",
            Self::Writes => "wiops",
        }
    }

    /// With its unit, for people.
    pub fn show(self, rate: u64) -> String {
        match self {
            Self::ReadBytes | Self::WriteBytes => format!("{} per second", ByteSize::new(rate)),
            Self::Reads | Self::Writes => format!("{rate} per second"),
        }
    }

    fn read(self, text: &str) -> Result<u64, Invalid> {
        match self {
            Self::ReadBytes | Self::WriteBytes => bytes(text),
            Self::Reads | Self::Writes => operations(text),
        }
    }

    fn write(self, rate: u64) -> String {
        match self {
            Self::ReadBytes | Self::WriteBytes => ByteSize::new(rate).to_string(),
            Self::Reads | Self::Writes => rate.to_string(),
        }
    }

    fn most(self) -> u64 {
        match self {
            Self::ReadBytes | Self::WriteBytes => MOST_BYTES,
            Self::Reads | Self::Writes => MOST_OPERATIONS,
        }
    }

    /// With more of it left, up to the most that can be asked for.
    fn loosened(self, rate: u64, factor: f64) -> u64 {
        let looser = ByteSize::new(rate).divided_by(factor).bytes();
        looser.min(self.most())
    }
}

/// What only calls have that sleep.
const OF_LATENCY: [&str; 8] = [
    "operation",
    "jitter",
    "distribution",
    "samples",
    "correlation",
    "cap",
    "moment",
    "backend",
];

impl Disk {
    /// Whether rates are asked for, and not a latency.
    pub(in crate::fault) fn is_asked(reader: &Reader<'_>) -> bool {
        Rate::NAMES.iter().any(|name| reader.has(name))
    }

    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let path = reader.required("path", path);
        let all = Rate::ALL.iter().copied();
        let rates: BTreeMap<Rate, u64> = all
            .filter_map(|rate| Some((rate, reader.optional(rate.name(), |text| rate.read(text))?)))
            .collect();
        refuse_latency(reader);
        (!rates.is_empty()).then_some(Self { path: path?, rates })
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self { path, rates } = self;
        params.insert("path".to_owned(), path.clone());
        let rates = rates.iter();
        params.extend(rates.map(|(rate, value)| (rate.name().to_owned(), rate.write(*value))));
    }

    /// The same, with more of it left; `factor` in `(0, 1]`.
    #[must_use]
    pub(super) fn weakened(&self, factor: f64) -> Self {
        let rates = self.rates.iter();
        let looser = rates.map(|(rate, value)| (*rate, rate.loosened(*value, factor)));
        Self {
            path: self.path.clone(),
            rates: looser.collect(),
        }
    }
}

/// The two ways have different places, pulses and events: one fault is one of them.
fn refuse_latency(reader: &mut Reader<'_>) {
    if reader.has("latency") {
        let invalid = Invalid::saying("a latency and a rate are two faults");
        reader.conflict(
            "latency",
            invalid.hint("leave one of them away, or ask for each by itself"),
        );
    }
    for name in OF_LATENCY {
        if reader.has(name) {
            let invalid = Invalid::saying(format!("{name} means nothing with a rate"));
            reader.conflict(
                name,
                invalid.hint("leave it away, or ask for a `latency` instead of the rate"),
            );
        }
    }
}

fn path(text: &str) -> Result<String, Invalid> {
    match text.parse()? {
        PathFilter::Exact(path) | PathFilter::Below(path) => Ok(path),
        PathFilter::Like(_) => Err(Invalid::saying(format!(
            "`{text}` is a pattern, and a rate is one of a whole disk"
        ))
        .hint("one file or directory on that disk, such as /var/lib/redis/")),
    }
}

fn bytes(text: &str) -> Result<u64, Invalid> {
    let size: ByteSize = text.parse()?;
    let (least, most) = (ByteSize::new(LEAST_BYTES), ByteSize::new(MOST_BYTES));
    if (least..=most).contains(&size) {
        return Ok(size.bytes());
    }
    let invalid = Invalid::saying(format!("`{text}` is not between {least} and {most}"));
    Err(invalid.hint(if size < least {
        format!("at least {least} per second")
    } else {
        format!("at most {most} per second")
    }))
}

fn operations(text: &str) -> Result<u64, Invalid> {
    match text.parse() {
        Ok(count @ 1..=MOST_OPERATIONS) if !text.starts_with('+') => Ok(count),
        _ => Err(
            Invalid::saying(format!("`{text}` is not a number of operations per second"))
                .hint(format!("a whole number from 1 to {MOST_OPERATIONS}")),
        ),
    }
}
