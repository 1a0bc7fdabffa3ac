//! Faults of socket calls: `sock.error`.

use std::collections::{BTreeMap, BTreeSet};

use super::address::{self, PortRange};
use super::errno::Errno;
use super::given::{Reader, list};
use super::peer::{self, Peer};
use crate::problem::Invalid;
use crate::words::words;

/// A socket call that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Connect,
    Bind,
    /// `sendmsg`, `sendto` and `sendmmsg` with an address on an unconnected UDP socket.
    Sendmsg,
    /// Making a socket; it has no address yet.
    Socket,
}

words!(Operation, "a socket operation", {
    Connect => "connect",
    Bind => "bind",
    Sendmsg => "sendmsg",
    Socket => "socket",
});

/// Calls fail with an errno.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// At least one.
    pub operations: BTreeSet<Operation>,
    pub errno: Errno,
    /// The address given in the call: where to, and for `bind` which of our own. Empty: any.
    pub peers: Vec<Peer>,
    /// The port given in the call. Empty: any.
    pub ports: Vec<PortRange>,
}

impl Failure {
    /// `None` only if a problem was reported.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let operations = reader.required("operation", operations);
        let errno = reader.required("errno", str::parse);
        let peers = reader.or("peers", Vec::new(), peer::peers);
        let ports = reader.or("ports", Vec::new(), address::ports);
        let socket = operations
            .as_ref()
            .is_some_and(|set| set.contains(&Operation::Socket));
        for name in ["peers", "ports"] {
            if socket && reader.has(name) {
                let invalid = Invalid::saying("a socket that is being made has no address yet");
                let hint = format!("leave `{name}` or the operation `socket` away");
                reader.conflict(name, invalid.hint(hint));
            }
        }
        Some(Self {
            operations: operations?,
            errno: errno?,
            peers,
            ports,
        })
    }

    pub(super) fn write(&self, params: &mut BTreeMap<String, String>) {
        let Self {
            operations,
            errno,
            peers,
            ports,
        } = self;
        let operations: Vec<_> = operations.iter().collect();
        let rows = [
            ("operation", address::join(&operations)),
            ("errno", Some(errno.to_string())),
            ("peers", address::join(peers)),
            ("ports", address::join(ports)),
        ];
        for (name, text) in rows {
            params.extend(text.map(|text| (name.to_owned(), text)));
        }
    }
}

fn operations(text: &str) -> Result<BTreeSet<Operation>, Invalid> {
    Ok(list(text, Operation::ALL.len())?.into_iter().collect())
}
