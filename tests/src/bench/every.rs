//! Faults of each kind, in the words of the schema.

use std::collections::BTreeMap;

use injector_core::fault::Kind;

use crate::client::params;

/// What a fault needs beside its target and duration.
type Own = &'static [(&'static str, &'static str)];

/// Ways of suffering this kind, the plain one first.
pub(super) fn ways(kind: Kind) -> &'static [Own] {
    match kind {
        Kind::NetLoss => &[
            &[("probability", "50%")],
            &[("p", "5%"), ("r", "30%"), ("1-h", "90%"), ("1-k", "1%")],
            &[("probability", "20%"), ("correlation", "0.5")],
        ],
        Kind::NetDuplicate => &[&[("probability", "10%")]],
        Kind::NetCorrupt => &[
            &[("probability", "10%"), ("bits", "2"), ("how", "silent")],
            &[("probability", "10%"), ("how", "wire")],
        ],
        Kind::NetRate => &[&[("rate", "10mbit")]],
        Kind::NetPartition => &[
            &[("how", "drop")],
            &[("how", "reject"), ("direction", "out")],
            &[("how", "reset"), ("protocol", "tcp")],
        ],
        Kind::NetDelay => &[
            &[("latency", "5ms"), ("jitter", "1ms")],
            &[("latency", "2ms"), ("reorder", "25%"), ("gap", "3")],
        ],
        Kind::SockError => &[&[("operation", "connect"), ("errno", "ECONNREFUSED")]],
        // One that its target does not notice, and one that has to be undone.
        Kind::ProcessSignal => &[
            &[("signal", "SIGWINCH"), ("interval", "50ms")],
            &[("signal", "SIGSTOP"), ("interval", "50ms")],
        ],
        Kind::CpuLimit => &[&[("quota", "20%"), ("active", "20ms"), ("dormant", "30ms")]],
        Kind::MemoryLimit => &[&[("size", "1GiB"), ("how", "kill")]],
        Kind::ProcessFreeze => &[&[("active", "20ms"), ("dormant", "30ms")]],
        Kind::SyscallError => &[&[("syscalls", "connect"), ("errno", "ECONNREFUSED")]],
        Kind::SyscallDelay => &[&[("syscalls", "connect"), ("latency", "1ms")]],
        // Of a signal that its target does not notice.
        Kind::ProcessCrash => &[&[
            ("syscalls", "read,write"),
            ("moment", "after"),
            ("signal", "SIGWINCH"),
        ]],
        Kind::ProcessFdLimit | Kind::ProcessForkError | Kind::MemoryError => &[&[]],
        Kind::DiskError | Kind::DiskFull | Kind::DiskReadonly => &[&[("path", "/")]],
        Kind::DiskSlow => &[&[("path", "/"), ("latency", "1ms")]],
        Kind::CpuStress => &[&[("workers", "1"), ("load", "1%")]],
        Kind::MemoryStress => &[&[("size", "1MiB")]],
        Kind::DiskStress => &[&[("path", "/var/tmp"), ("size", "1MiB"), ("rate", "64KiB")]],
        Kind::DiskFill => &[&[("path", "/var/tmp"), ("size", "1MiB")]],
    }
}

/// Those that can be done to somebody who runs already, and take nothing from who is beside.
pub(super) fn to_anybody() -> impl Iterator<Item = Kind> {
    let all = Kind::ALL.iter().copied();
    all.filter(|kind| !kind.is_of_sleep() && !kind.is_of_pressure())
}

/// A plain fault of this kind on `target` for `duration`.
pub(super) fn fault(kind: Kind, target: &str, duration: &str) -> BTreeMap<String, String> {
    let plain = ways(kind).first().copied().unwrap_or_default();
    given(plain, target, duration)
}

/// A fault of one of the ways.
pub(super) fn given(own: Own, target: &str, duration: &str) -> BTreeMap<String, String> {
    let common = [("target", target), ("duration", duration)];
    params(common.into_iter().chain(own.iter().copied()))
}

#[cfg(test)]
mod tests {
    use injector_core::fault::{Given, Kind, parse};

    use super::{given, ways};

    #[test]
    fn every_way_is_one_that_the_schema_takes() {
        for kind in Kind::ALL {
            assert!(!ways(*kind).is_empty(), "{kind}");
            for own in ways(*kind) {
                let given = given(own, "pid:1", "1s").into_iter();
                let given = given.map(|(name, text)| (name.clone(), Given::flag(&name, text)));
                parse(*kind, &given.collect()).unwrap();
            }
        }
    }
}
