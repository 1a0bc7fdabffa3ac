//! One fault of each kind, in the words of the schema.

use std::collections::BTreeMap;

use injector_core::fault::Kind;

use crate::client::params;

/// What a fault of this kind needs beside its target and duration.
fn own(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::NetLoss => &[("probability", "50%")],
        Kind::NetDuplicate => &[("probability", "10%")],
        Kind::NetCorrupt => &[("probability", "10%"), ("bits", "2"), ("how", "silent")],
        Kind::NetRate => &[("rate", "10mbit")],
        Kind::NetPartition => &[("how", "drop")],
        Kind::NetDelay => &[("latency", "5ms"), ("jitter", "1ms")],
        Kind::SockError => &[("operation", "connect"), ("errno", "ECONNREFUSED")],
        // One that its target does not notice.
        Kind::ProcessSignal => &[("signal", "SIGWINCH"), ("interval", "50ms")],
        Kind::ProcessFreeze => &[("active", "20ms"), ("dormant", "30ms")],
    }
}

/// A fault of this kind on `target` for `duration`.
pub(super) fn fault(kind: Kind, target: &str, duration: &str) -> BTreeMap<String, String> {
    let common = [("target", target), ("duration", duration)];
    params(common.into_iter().chain(own(kind).iter().copied()))
}
