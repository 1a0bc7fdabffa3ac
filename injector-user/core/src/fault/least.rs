//! The least that can be asked of a fault.

use super::kind::Kind;

impl Kind {
    /// What has to be given beside target and duration, with values that do as little as can be asked for.
    pub fn least(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::NetLoss
            | Self::NetDuplicate
            | Self::NetCorrupt
            | Self::NetPartition
            | Self::ProcessFdLimit
            | Self::ProcessForkError
            | Self::MemoryError
            | Self::CpuStress => &[],
            Self::NetRate => &[("rate", "1mbit")],
            Self::NetDelay => &[("latency", "1ms")],
            Self::SockError => &[("operation", "connect"), ("errno", "ECONNREFUSED")],
            Self::ProcessFreeze => &[("active", "1ms"), ("count", "1")],
            Self::ProcessSignal => &[("signal", "CONT")],
            Self::SyscallError => &[("syscalls", "fsync"), ("errno", "EIO")],
            Self::SyscallDelay => &[("syscalls", "fsync"), ("latency", "10us")],
            Self::DiskSlow => &[("path", "/"), ("latency", "10us")],
            Self::ProcessCrash => &[("syscalls", "fsync")],
            Self::DiskError | Self::DiskFull | Self::DiskReadonly | Self::DiskStress => {
                &[("path", "/")]
            }
            Self::MemoryStress => &[("size", "1MiB")],
            Self::DiskFill => &[("path", "/"), ("size", "1MiB")],
            // More than anybody has.
            Self::CpuLimit => &[("quota", "1000000%")],
            Self::MemoryLimit => &[("size", "8589934591GiB")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Given, parse};

    #[test]
    fn the_least_reads_without_a_problem_and_is_no_more_than_that() {
        for kind in Kind::ALL {
            let common = [("target", "pid:1"), ("duration", "1s")];
            let given = common.iter().chain(kind.least());
            let given = given.map(|(name, text)| ((*name).to_owned(), Given::flag(name, *text)));
            let mut given: std::collections::BTreeMap<_, _> = given.collect();
            assert_eq!(parse(*kind, &given).map(|spec| spec.kind()), Ok(*kind));
            for (name, _text) in kind.least() {
                let without = given.remove(*name);
                let read = parse(*kind, &given);
                assert!(read.is_err(), "{kind} can do without {name}: {read:?}");
                given.extend(without.map(|text| ((*name).to_owned(), text)));
            }
        }
    }
}
