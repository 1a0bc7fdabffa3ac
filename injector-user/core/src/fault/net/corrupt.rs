//! `net.corrupt`: bits flip.

use std::collections::BTreeMap;

use super::chain::Bursts;
use super::filter::{Direction, Filter};
use crate::fault::given::Reader;
use crate::problem::Invalid;
use crate::words::words;

/// Bits of a packet flip.
#[derive(Clone, Debug, PartialEq)]
pub struct Corrupt {
    pub filter: Filter,
    pub bursts: Bursts,
    /// How many bits of a packet, `1..=16`.
    pub bits: u32,
    pub how: Corruption,
}

/// What the receiver makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Corruption {
    /// The checksum is wrong: the receiver's kernel drops the packet and counts it.
    Wire,
    /// The checksum is right: the application reads what nobody wrote. Only payload is hit; a packet
    /// without any does not concern the fault.
    Silent,
}

words!(Corruption, "a way to corrupt", { Wire => "wire", Silent => "silent" });

const MAX_BITS: u32 = 16;

impl Corrupt {
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            filter: Filter::read(reader, Direction::Out),
            bursts: Bursts::read_correlation(reader),
            bits: reader.or("bits", 1, bits),
            how: reader.or("how", Corruption::Wire, str::parse),
        }
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            filter,
            bursts,
            bits,
            how,
        } = self;
        filter.write(params, Direction::Out);
        bursts.write(params);
        if *bits != 1 {
            params.insert("bits".to_owned(), bits.to_string());
        }
        if *how != Corruption::Wire {
            params.insert("how".to_owned(), how.to_string());
        }
    }
}

fn bits(text: &str) -> Result<u32, Invalid> {
    match text.parse() {
        Ok(bits) if (1..=MAX_BITS).contains(&bits) && !text.starts_with('+') => Ok(bits),
        _ => Err(Invalid::saying(format!("`{text}` is not a number of bits"))
            .hint(format!("1 to {MAX_BITS}"))),
    }
}
