//! The other end of a connection: addresses, or a name for them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::address::{MAX_PEERS, Prefix};
use super::given::list;
use crate::problem::Invalid;

/// Some addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    Prefix(Prefix),
    /// A host name. Whoever asks for the fault resolves it before it is planned, once; written with
    /// what came of that: `db=10.0.0.7+fd00::7`.
    Name {
        name: String,
        /// Empty until it is resolved.
        addresses: Vec<IpAddr>,
    },
}

impl Peer {
    /// What it means; nothing as long as a name is not resolved.
    fn prefixes(&self) -> impl Iterator<Item = Prefix> {
        let (prefix, addresses) = match self {
            Self::Prefix(prefix) => (Some(*prefix), &[][..]),
            Self::Name { addresses, .. } => (None, addresses.as_slice()),
        };
        let named = addresses.iter().map(|address| Prefix::of(*address));
        prefix.into_iter().chain(named)
    }
}

/// Every address that these mean.
pub fn prefixes(peers: &[Peer]) -> Vec<Prefix> {
    peers.iter().flat_map(Peer::prefixes).collect()
}

/// A list of at most 64, by comma.
pub(super) fn peers(text: &str) -> Result<Vec<Peer>, Invalid> {
    list(text, MAX_PEERS)
}

impl FromStr for Peer {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (name, addresses) = text.split_once('=').unwrap_or((text, ""));
        if !is_name(name) {
            return text.parse().map(Self::Prefix);
        }
        let addresses = addresses.split('+').filter(|one| !one.is_empty());
        let addresses: Result<Vec<IpAddr>, _> = addresses.map(str::parse).collect();
        Ok(Self::Name {
            name: name.to_owned(),
            addresses: addresses.map_err(|_error| {
                Invalid::saying(format!("`{text}` is not a name with its addresses"))
                    .hint("for example db=10.0.0.7+fd00::7, or the name alone")
            })?,
        })
    }
}

/// Labels of letters, digits and dashes (RFC 1123, 2.1), and underscores as container networks have
/// them; the last one not only of digits, as an address would be.
fn is_name(text: &str) -> bool {
    let label = |part: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&part.len()) && part.chars().all(inner) && !part.starts_with('-')
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && text.split('.').all(label)
        && last.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

impl fmt::Display for Peer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, addresses) = match self {
            Self::Prefix(prefix) => return write!(out, "{prefix}"),
            Self::Name { name, addresses } => (name, addresses),
        };
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        if addresses.is_empty() {
            out.write_str(name)
        } else {
            write!(out, "{name}={}", addresses.join("+"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_addresses() {
        for name in [
            "db",
            "db.example",
            "redis-0.redis",
            "a_b",
            "x1.",
            "_srv.local",
        ] {
            let peer: Peer = name.parse().unwrap();
            assert_eq!(peer.to_string(), name);
            assert_eq!(prefixes(&[peer]), vec![]);
        }
        for bad in [
            "10.0.0.256",
            "10.0.0",
            "db/24",
            "db:80",
            "-db",
            "a..b",
            "",
            "db%eth0",
            "1",
        ] {
            bad.parse::<Peer>().unwrap_err();
        }
        assert!(matches!("10.0.0.0/8".parse(), Ok(Peer::Prefix(_))));
        assert!(matches!("fd00::1".parse(), Ok(Peer::Prefix(_))));
    }

    #[test]
    fn a_resolved_name_says_what_it_means() {
        let peer: Peer = "db=10.0.0.7+fd00::7".parse().unwrap();
        assert_eq!(peer.to_string(), "db=10.0.0.7+fd00::7");
        let expected = ["10.0.0.7", "fd00::7"].map(|text| text.parse().unwrap());
        assert_eq!(prefixes(&[peer]), expected);
        "db=redis".parse::<Peer>().unwrap_err();
    }
}
