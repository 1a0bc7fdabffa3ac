//! One fault of each kind, in the words of the schema.

use std::collections::BTreeMap;

use injector_core::fault::Kind;

use crate::client::params;

/// What a fault of this kind needs beside its target and duration.
fn own(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::NetLoss => &[("probability", "50%")],
        Kind::NetDelay => &[("latency", "5ms"), ("jitter", "1ms")],
        Kind::SockError => &[("operation", "connect"), ("errno", "ECONNREFUSED")],
        Kind::ProcessFreeze => &[("active", "20ms"), ("dormant", "30ms")],
    }
}

/// Whether its targets are packets, and not processes.
pub(super) fn is_of_packets(kind: Kind) -> bool {
    kind.name().starts_with("net.")
}

/// A fault of this kind on `target` for `duration`.
pub(super) fn fault(kind: Kind, target: &str, duration: &str) -> BTreeMap<String, String> {
    let common = [("target", target), ("duration", duration)];
    params(common.into_iter().chain(own(kind).iter().copied()))
}
