//! Which of the target's packets suffer.

use std::collections::BTreeMap;

use crate::fault::address::{self, PortRange};
use crate::fault::given::Reader;
use crate::fault::peer::{self, Peer};
use crate::problem::Invalid;
use crate::words::words;

/// Which of the target's packets suffer; an empty list is no restriction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The address at the other end.
    pub peers: Vec<Peer>,
    /// The port at either end of the packet.
    pub ports: Vec<PortRange>,
    pub protocol: Option<Protocol>,
    pub direction: Direction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Tcp,
    Udp,
    /// `ICMPv6` too.
    Icmp,
}

words!(Protocol, "a protocol", { Tcp => "tcp", Udp => "udp", Icmp => "icmp" });

/// Seen from the target, or from the side on which an interface stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    #[default]
    Out,
    In,
    Both,
}

words!(Direction, "a direction", { Out => "out", In => "in", Both => "both" });

impl Direction {
    pub fn is_out(self) -> bool {
        matches!(self, Self::Out | Self::Both)
    }

    pub fn is_in(self) -> bool {
        matches!(self, Self::In | Self::Both)
    }
}

impl Filter {
    /// `direction` is what holds if none is given.
    pub(super) fn read(reader: &mut Reader<'_>, direction: Direction) -> Self {
        let filter = Self {
            peers: reader.or("peers", Vec::new(), peer::peers),
            ports: reader.or("ports", Vec::new(), address::ports),
            protocol: reader.optional("protocol", str::parse),
            direction: reader.or("direction", direction, str::parse),
        };
        if filter.protocol == Some(Protocol::Icmp) && reader.has("ports") {
            let invalid = Invalid::saying("icmp has no ports");
            reader.conflict(
                "ports",
                invalid.hint("leave `ports` or `protocol: icmp` away"),
            );
        }
        filter
    }

    /// Leaves out what is as by default, such as this direction.
    pub(super) fn write(&self, params: &mut BTreeMap<String, String>, default: Direction) {
        let Self {
            peers,
            ports,
            protocol,
            direction,
        } = self;
        let direction = (*direction != default).then(|| direction.to_string());
        let rows = [
            ("peers", address::join(peers)),
            ("ports", address::join(ports)),
            ("protocol", protocol.map(|protocol| protocol.to_string())),
            ("direction", direction),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}
