//! `net.rate`: packets leave no faster than a narrow line would let them.

use std::collections::BTreeMap;

use super::filter::{Direction, Filter};
use crate::fault::given::Reader;
use crate::problem::Invalid;
use crate::units::{BitRate, ByteSize};

/// A token bucket, as tc-tbf(8) has it: what finds no tokens waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    pub filter: Filter,
    /// `8kbit..=100gbit`.
    pub rate: BitRate,
    /// What may leave at once after a pause, `1514b..=64mb`.
    pub burst: ByteSize,
}

/// A full Ethernet frame has to fit.
const MIN_BURST: u64 = 1514;
const MAX_BURST: u64 = 64 << 20;
const MIN_RATE: u64 = 8_000;
const MAX_RATE: u64 = 100_000_000_000;

impl Rate {
    /// `None` only if a problem was reported.
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let filter = Filter::read(reader, Direction::Out);
        let rate = reader.required("rate", rate);
        let burst = reader.optional("burst", burst);
        let rate = rate?;
        Some(Self {
            filter,
            rate,
            burst: burst.unwrap_or_else(|| default_burst(rate)),
        })
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            filter,
            rate,
            burst,
        } = self;
        filter.write(params, Direction::Out);
        params.insert("rate".to_owned(), rate.to_string());
        if *burst != default_burst(*rate) {
            params.insert("burst".to_owned(), burst.to_string());
        }
    }
}

/// Ten milliseconds' worth, and a full frame at least.
fn default_burst(rate: BitRate) -> ByteSize {
    ByteSize::new((rate.bits_per_second() / 800).clamp(MIN_BURST, MAX_BURST))
}

fn rate(text: &str) -> Result<BitRate, Invalid> {
    let rate: BitRate = text.parse()?;
    if (MIN_RATE..=MAX_RATE).contains(&rate.bits_per_second()) {
        return Ok(rate);
    }
    Err(
        Invalid::saying(format!("`{text}` is not between 8kbit and 100gbit"))
            .hint("for example 10mbit"),
    )
}

fn burst(text: &str) -> Result<ByteSize, Invalid> {
    let burst: ByteSize = text.parse()?;
    if (MIN_BURST..=MAX_BURST).contains(&burst.bytes()) {
        return Ok(burst);
    }
    Err(
        Invalid::saying(format!("`{text}` is not between 1514b and 64MiB"))
            .hint("for example 64KiB; a full Ethernet frame has 1514 bytes"),
    )
}
