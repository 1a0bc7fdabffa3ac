//! What somebody feels of a fault, whatever it was aimed at.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use injector_core::fault::Kind;
use temblor_tests::Actor;
use temblor_tests::order::{Datagrams, SocketCall};

pub(crate) const PROBES: u32 = 20;
pub(crate) const REFUSED: i32 = 111;

pub(crate) const ERROR: [(&str, &str); 2] = [("operation", "connect"), ("errno", "ECONNREFUSED")];
pub(crate) const DELAY: [(&str, &str); 1] = [("latency", "30ms")];

/// Every fault that [`suffers`] can tell.
pub(crate) const FELT: [Kind; 7] = [
    Kind::NetLoss,
    Kind::NetDelay,
    Kind::NetDuplicate,
    Kind::NetCorrupt,
    Kind::NetRate,
    Kind::NetPartition,
    Kind::SockError,
];

/// The parameters with which it can.
pub(crate) fn more(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::SockError => &ERROR,
        Kind::NetDelay => &DELAY,
        Kind::NetDuplicate | Kind::NetCorrupt => &[("protocol", "udp")],
        Kind::NetRate => &[("rate", "8kbit"), ("burst", "1514b"), ("protocol", "udp")],
        _ => &[],
    }
}

/// Whether somebody feels a fault of this kind, all of it.
pub(crate) fn suffers(actor: &mut Actor, kind: Kind, to: SocketAddr) -> Result<bool> {
    let (felt, of) = match kind {
        Kind::SockError => {
            let errnos = actor.calls(SocketCall::Connect, to, 3)?;
            (errnos.iter().filter(|errno| **errno == REFUSED).count(), 3)
        }
        Kind::NetDelay => {
            let times = actor.udp_times(to, 5)?;
            let late = times.iter().flatten().filter(|time| **time >= 30_000);
            (late.count(), 5)
        }
        Kind::NetRate => {
            // Twenty seconds' worth, of which one second's may wait.
            let flood = Datagrams {
                to,
                count: PROBES,
                size: 1000,
                from_port: 0,
            };
            let (answered, _errors) = actor.datagrams_as(&flood)?;
            (usize::from(answered.len() < PROBES as usize), 1)
        }
        Kind::NetDuplicate => (actor.repeated(to, PROBES)? as usize, PROBES as usize),
        _ => {
            let answered = actor.datagrams(to, PROBES)?.0.len();
            (PROBES as usize - answered, PROBES as usize)
        }
    };
    ensure!(felt == 0 || felt == of, "{kind}: {felt} of {of} suffered");
    Ok(felt == of)
}
