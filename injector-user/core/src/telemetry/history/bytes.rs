//! Numbers and values as bytes.

use integer_encoding::VarInt as _;

use crate::telemetry::frame::Value;
use crate::telemetry::histogram::Histogram;

/// What a value begins with: its kind.
const COUNT: u64 = 0;
const NOW: u64 = 1;
const DURATIONS: u64 = 2;

/// Bits of a bucket's number that hold how many there are of it, if they are few.
const FEW_BITS: u32 = 3;
/// From here on the rest follows.
const FEW: u64 = (1 << FEW_BITS) - 1;

/// Bytes that are being written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
}

/// Bytes that are being read; none where there is not what was expected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl Writer {
    pub(super) fn number(&mut self, number: u64) {
        let mut space = [0; 10];
        let used = number.encode_var(&mut space);
        self.bytes.extend_from_slice(&space[..used]);
    }

    /// A whole value.
    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Count(count) => {
                self.number(COUNT);
                self.number(*count);
            }
            Value::Now(now) => {
                self.number(NOW);
                self.bits(now.to_bits());
            }
            Value::Durations(histogram) => {
                self.number(DURATIONS);
                self.histogram(&Histogram::default(), histogram);
            }
        }
    }

    /// From one value to the next one of the same kind; nothing for two kinds.
    pub(super) fn change(&mut self, from: &Value, to: &Value) {
        match (from, to) {
            (Value::Count(from), Value::Count(to)) => self.number(to.wrapping_sub(*from)),
            (Value::Now(from), Value::Now(to)) => self.bits(from.to_bits() ^ to.to_bits()),
            (Value::Durations(from), Value::Durations(to)) => self.histogram(from, to),
            (Value::Count(_) | Value::Now(_) | Value::Durations(_), _) => {}
        }
    }

    /// Numbers that people write have zeros at the end of their bits, which is where they cost nothing.
    fn bits(&mut self, bits: u64) {
        self.number(bits.swap_bytes());
    }

    /// Buckets that differ, each by its distance to the one before and how many more there are.
    fn histogram(&mut self, from: &Histogram, to: &Histogram) {
        let changed = from.differences(to);
        self.number(to.total_ns().wrapping_sub(from.total_ns()));
        self.number(u64::try_from(changed.len()).unwrap_or(u64::MAX));
        let mut next = 0;
        for (bucket, more) in changed {
            let few = more.min(FEW);
            self.number(u64::from(bucket - next) << FEW_BITS | few);
            if few == FEW {
                self.number(more - FEW);
            }
            next = bucket.saturating_add(1);
        }
    }
}

impl Reader<'_> {
    pub(super) fn number(&mut self) -> Option<u64> {
        let (number, used) = u64::decode_var(self.rest)?;
        self.rest = self.rest.get(used..)?;
        Some(number)
    }

    pub(super) fn value(&mut self) -> Option<Value> {
        let mut value = match self.number()? {
            COUNT => Value::Count(0),
            NOW => Value::Now(0.0),
            DURATIONS => Value::Durations(Histogram::default()),
            _ => return None,
        };
        self.change(&mut value, u64::wrapping_add)?;
        Some(value)
    }

    /// Changes a value by what is read: added to go on, subtracted to go back.
    pub(super) fn change(&mut self, value: &mut Value, by: fn(u64, u64) -> u64) -> Option<()> {
        match value {
            Value::Count(count) => *count = by(*count, self.number()?),
            Value::Now(now) => {
                *now = f64::from_bits(now.to_bits() ^ self.number()?.swap_bytes());
            }
            Value::Durations(histogram) => self.histogram(histogram, by)?,
        }
        Some(())
    }

    fn histogram(&mut self, histogram: &mut Histogram, by: fn(u64, u64) -> u64) -> Option<()> {
        let total = self.number()?;
        histogram.change_total(|now| by(now, total));
        let changed = self.number()?;
        let mut next = 0_u16;
        for _ in 0..changed {
            let code = self.number()?;
            let bucket = next.checked_add(u16::try_from(code >> FEW_BITS).ok()?)?;
            let few = code & FEW;
            let more = if few == FEW {
                self.number()?.checked_add(FEW)?
            } else {
                few
            };
            histogram.change(bucket, |now| by(now, more));
            next = bucket.saturating_add(1);
        }
        Some(())
    }
}
