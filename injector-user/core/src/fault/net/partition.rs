//! `net.partition`: the target and its peers are cut off from each other.

use std::collections::BTreeMap;

use super::filter::{Direction, Filter, Protocol};
use crate::fault::given::Reader;
use crate::problem::Invalid;
use crate::words::words;

/// Packets do not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Both ways unless a direction is given.
    pub filter: Filter,
    pub connections: Connections,
    pub how: Answer,
}

/// Which packets, by the TCP connection they belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Connections {
    /// Every packet, of whatever protocol.
    #[default]
    All,
    /// Those that would open a TCP connection; open ones, and other protocols, go on.
    New,
    /// Those of TCP connections that were open when the fault began to act; new ones can be made.
    Established,
}

words!(Connections, "a choice of connections", {
    All => "all",
    New => "new",
    Established => "established",
});

/// What the sender of such a packet hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Nothing, as when a cable is cut.
    #[default]
    Drop,
    /// A TCP reset, as from a host where nobody listens; other protocols hear nothing. Connections that
    /// are open when the fault begins to act are reset at once, which cannot be undone.
    Reset,
    /// ICMP "administratively prohibited", as from a firewall. A connect that hears it while it is still
    /// sending ignores it, and fails when it sends again, a second later.
    Reject,
}

words!(Answer, "an answer", { Drop => "drop", Reset => "reset", Reject => "reject" });

impl Partition {
    pub(in crate::fault) fn read(reader: &mut Reader<'_>) -> Self {
        let filter = Filter::read(reader, Direction::Both);
        let connections = reader.or("connections", Connections::All, str::parse);
        let how = reader.or("how", Answer::Drop, str::parse);
        let of_tcp = connections != Connections::All;
        if of_tcp && matches!(filter.protocol, Some(Protocol::Udp | Protocol::Icmp)) {
            let protocol = filter.protocol.map(Protocol::name).unwrap_or_default();
            let invalid = Invalid::saying(format!("{protocol} has no connections"));
            reader.conflict(
                "connections",
                invalid.hint("leave `connections` or `protocol` away"),
            );
        }
        Self {
            filter,
            connections,
            how,
        }
    }

    pub(in crate::fault) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            filter,
            connections,
            how,
        } = self;
        filter.write(params, Direction::Both);
        if *connections != Connections::All {
            params.insert("connections".to_owned(), connections.to_string());
        }
        if *how != Answer::Drop {
            params.insert("how".to_owned(), how.to_string());
        }
    }
}
