//! Peers and ports, for IPv4 and IPv6 alike.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::given::list;
use crate::problem::Invalid;

/// How many peers a filter may name.
pub(super) const MAX_PEERS: usize = 64;
/// How many ports a filter may name, after ranges.
const MAX_PORTS: usize = 1024;
/// IPv4 addresses are `::ffff:a.b.c.d`, so their prefixes are this much longer.
const MAPPED: u8 = 96;

/// A set of addresses that share their first bits; IPv4 as v4-mapped IPv6.
///
/// `::/0` is every address of either family, `0.0.0.0/0` every IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Prefix {
    address: Ipv6Addr,
    length: u8,
}

impl Prefix {
    /// This address alone.
    pub fn of(address: IpAddr) -> Self {
        Self {
            address: mapped(address),
            length: 128,
        }
    }

    /// The first address; IPv4 is v4-mapped.
    pub fn address(self) -> Ipv6Addr {
        self.address
    }

    /// `0..=128`.
    pub fn length(self) -> u8 {
        self.length
    }

    /// Whether every address of `other` is one of these.
    pub fn covers(self, other: Self) -> bool {
        self.length <= other.length && other.address.to_bits() & mask(self.length) == self.bits()
    }

    pub fn contains(self, address: IpAddr) -> bool {
        mapped(address).to_bits() & mask(self.length) == self.bits()
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Set for `0.0.0.0/0` and for what includes it, such as `::/0`.
    pub fn is_everybody(self) -> bool {
        let v4 = Self {
            address: Ipv4Addr::UNSPECIFIED.to_ipv6_mapped(),
            length: MAPPED,
        };
        self.covers(v4)
    }

    fn bits(self) -> u128 {
        self.address.to_bits()
    }

    /// Set when all of these are IPv4 addresses.
    fn is_v4(self) -> bool {
        self.length >= MAPPED && self.address.to_ipv4_mapped().is_some()
    }
}

fn mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

impl FromStr for Prefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            return Err(no_address(text));
        };
        let (longest, offset) = match address {
            IpAddr::V4(_) => (32, MAPPED),
            IpAddr::V6(_) => (128, 0),
        };
        let length = match length {
            None => longest,
            Some(digits) => length_of(text, digits, longest)?,
        };
        let prefix = Self {
            address: mapped(address),
            length: length + offset,
        };
        let first = Ipv6Addr::from_bits(prefix.bits() & mask(prefix.length));
        if first == prefix.address {
            return Ok(prefix);
        }
        let network = Self {
            address: first,
            ..prefix
        };
        Err(
            Invalid::saying(format!("`{text}` has bits behind its prefix"))
                .hint(format!("did you mean {network} or {address}")),
        )
    }
}

fn length_of(text: &str, digits: &str, longest: u8) -> Result<u8, Invalid> {
    let length = digits.parse().ok();
    length
        .filter(|length| *length <= longest && !digits.starts_with('+'))
        .ok_or_else(|| {
            let what = format!("`{digits}` in `{text}` is not the length of a prefix");
            Invalid::saying(what).hint(format!("0 to {longest}"))
        })
}

fn no_address(text: &str) -> Invalid {
    let invalid = Invalid::saying(format!("`{text}` is not an address or a prefix"));
    if text.contains('%') {
        return invalid.hint("leave the zone (`%…`) away");
    }
    let host = text.rsplit_once(':').map(|(host, _)| host);
    let host = host.map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    if host.is_some_and(|host| host.parse::<IpAddr>().is_ok()) {
        return invalid.hint("ports go to `ports`");
    }
    invalid.hint("for example 10.0.0.7, 10.0.0.0/24, fd00::/8 or db.example")
}

impl fmt::Display for Prefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v4 = self.address.to_ipv4_mapped().filter(|_| self.is_v4());
        match (v4, self.length) {
            (Some(address), 128) => write!(out, "{address}"),
            (Some(address), length) => write!(out, "{address}/{}", length - MAPPED),
            (None, 128) => write!(out, "{}", self.address),
            (None, length) => write!(out, "{}/{length}", self.address),
        }
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

impl TryFrom<String> for Prefix {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

/// Ports from `first` to `last`, both included; never empty, never port 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    pub fn first(self) -> u16 {
        self.first
    }

    pub fn last(self) -> u16 {
        self.last
    }

    pub fn ports(self) -> impl Iterator<Item = u16> {
        self.first..=self.last
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl FromStr for PortRange {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (port(first, text)?, port(last, text)?);
        if last < first {
            return Err(Invalid::saying(format!("`{text}` ends before it begins"))
                .hint(format!("did you mean {last}-{first}")));
        }
        Ok(Self { first, last })
    }
}

fn port(digits: &str, whole: &str) -> Result<u16, Invalid> {
    let digits = digits.trim();
    match digits.parse::<u16>() {
        Ok(port) if port > 0 && !digits.starts_with('+') => Ok(port),
        _ => Err(
            Invalid::saying(format!("`{whole}` is not a port or a range of ports"))
                .hint("1 to 65535, for example 6379 or 8000-8010"),
        ),
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(out, "{}", self.first)
        } else {
            write!(out, "{}-{}", self.first, self.last)
        }
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        range.to_string()
    }
}

impl TryFrom<String> for PortRange {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

/// Sorted, and with what overlaps or touches joined.
pub(super) fn ports(text: &str) -> Result<Vec<PortRange>, Invalid> {
    let mut ranges: Vec<PortRange> = list(text, usize::MAX)?;
    ranges.sort();
    let mut joined: Vec<PortRange> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(before) if range.first <= before.last.saturating_add(1) => {
                before.last = before.last.max(range.last);
            }
            _ => joined.push(range),
        }
    }
    let count: usize = joined.iter().map(|range| range.ports().count()).sum();
    if count > MAX_PORTS {
        return Err(
            Invalid::saying(format!("{count} ports are too many")).hint(format!(
                "at most {MAX_PORTS}; without `ports` every port is meant"
            )),
        );
    }
    Ok(joined)
}

/// The list as it is written.
pub(super) fn join<T: fmt::Display>(values: &[T]) -> Option<String> {
    let texts: Vec<_> = values.iter().map(T::to_string).collect();
    (!texts.is_empty()).then(|| texts.join(","))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, shown: &str) {
        assert_eq!(text.parse::<Prefix>().unwrap().to_string(), shown);
    }

    fn check_bad<T: FromStr<Err = Invalid> + fmt::Debug>(text: &str, message: &str, hint: &str) {
        let invalid = text.parse::<T>().unwrap_err();
        assert_eq!(
            (invalid.message.as_str(), invalid.hint.as_str()),
            (message, hint)
        );
    }

    #[test]
    fn both_families_are_read() {
        check("10.0.0.7", "10.0.0.7");
        check("10.0.0.7/32", "10.0.0.7");
        check("10.0.0.0/24", "10.0.0.0/24");
        check("0.0.0.0/0", "0.0.0.0/0");
        check("fd00::/8", "fd00::/8");
        check("::1", "::1");
        check("::/0", "::/0");
        check("::ffff:10.0.0.0/104", "10.0.0.0/8");
    }

    #[test]
    fn an_ipv4_prefix_is_ninety_six_bits_longer() {
        let prefix: Prefix = "10.0.0.0/24".parse().unwrap();
        assert_eq!(prefix.length(), 120);
        assert_eq!(prefix.address().to_string(), "::ffff:10.0.0.0");
    }

    #[test]
    fn a_prefix_contains_what_shares_its_bits() {
        let prefix = |text: &str| text.parse::<Prefix>().unwrap();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(prefix("10.0.0.0/24").contains(address("10.0.0.255")));
        assert!(!prefix("10.0.0.0/24").contains(address("10.0.1.0")));
        assert!(!prefix("0.0.0.0/0").contains(address("::1")));
        assert!(prefix("::/0").contains(address("127.0.0.1")));
        assert!(prefix("10.0.0.0/8").overlaps(prefix("10.1.0.0/16")));
        assert!(!prefix("10.0.0.0/16").overlaps(prefix("10.1.0.0/16")));
    }

    #[test]
    fn bits_behind_the_prefix_are_not_dropped_silently() {
        check_bad::<Prefix>(
            "10.0.0.7/24",
            "`10.0.0.7/24` has bits behind its prefix",
            "did you mean 10.0.0.0/24 or 10.0.0.7",
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let example = "for example 10.0.0.7, 10.0.0.0/24, fd00::/8 or db.example";
        for text in ["redis", "10.0.0", "10.0.0.256", "1.2.3.4/", "", "::g"] {
            let invalid = text.parse::<Prefix>().unwrap_err();
            assert!(invalid.message.contains(text), "{}", invalid.message);
        }
        check_bad::<Prefix>("redis", "`redis` is not an address or a prefix", example);
        check_bad::<Prefix>(
            "10.0.0.7:6379",
            "`10.0.0.7:6379` is not an address or a prefix",
            "ports go to `ports`",
        );
        check_bad::<Prefix>(
            "fe80::1%eth0",
            "`fe80::1%eth0` is not an address or a prefix",
            "leave the zone (`%…`) away",
        );
        check_bad::<Prefix>(
            "10.0.0.0/33",
            "`33` in `10.0.0.0/33` is not the length of a prefix",
            "0 to 32",
        );
    }

    #[test]
    fn ports_are_sorted_and_joined() {
        let shown = |text: &str| join(&ports(text).unwrap()).unwrap();
        assert_eq!(shown("6379"), "6379");
        assert_eq!(
            shown("443, 80,81,8000-8010,8005-8020"),
            "80-81,443,8000-8020"
        );
        assert_eq!(shown("65535"), "65535");
    }

    #[test]
    fn bad_ports_are_refused() {
        let hint = "1 to 65535, for example 6379 or 8000-8010";
        for text in ["0", "65536", "http", "-1", "1-", "", "+5", "1.5"] {
            let message = format!("`{text}` is not a port or a range of ports");
            check_bad::<PortRange>(text, &message, hint);
        }
        check_bad::<PortRange>(
            "20-10",
            "`20-10` ends before it begins",
            "did you mean 10-20",
        );
        assert_eq!(
            ports("80,,81").unwrap_err().message,
            "`80,,81` has an empty element"
        );
        assert_eq!(
            ports("1-1025").unwrap_err().message,
            "1025 ports are too many"
        );
        assert_eq!(ports("1-1024").unwrap().len(), 1);
        assert_eq!(
            ports("1-65535").unwrap_err().message,
            "65535 ports are too many"
        );
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(bits: u128, length in 0..=128_u8, v4: bool) {
            let v4_bits = bits & 0xffff_ffff | 0xffff_0000_0000;
            let (bits, length) = if v4 { (v4_bits, length.max(MAPPED)) } else { (bits, length) };
            let address = Ipv6Addr::from_bits(bits & mask(length));
            let prefix = Prefix { address, length };
            prop_assert_eq!(prefix.to_string().parse(), Ok(prefix));
        }

        #[test]
        fn no_text_panics(text in "[0-9a-f.:/%,\\[\\]-]{0,40}|.{0,20}") {
            let peers = crate::fault::peer::peers(&text);
            prop_assert!(peers.is_err() || join(&peers.unwrap()).is_some());
            prop_assert!(ports(&text).is_err() || join(&ports(&text).unwrap()).is_some());
        }
    }
}
