//! From named strings to a fault.

use std::collections::BTreeMap;

use super::calls::CallFault;
use super::common::Common;
use super::given::{Given, Reader};
use super::kind::Kind;
use super::limit::{self, Limit};
use super::places::Places;
use super::pulses::Pulses;
use super::spec::{Action, FaultSpec};
use super::{net, pressure, process, sock};
use crate::problem::Problems;

/// Reads the parameters of a fault, keyed by the names of [`super::schema`].
///
/// Everything that is wrong is returned at once: unknown names with the nearest known one, missing
/// and malformed values, values out of range, and combinations that cannot be.
pub fn parse(kind: Kind, params: &BTreeMap<String, Given>) -> Result<FaultSpec, Problems> {
    let mut reader = Reader::new(kind, params);
    let target = reader.required("target", str::parse);
    let common = Common::read(&mut reader);
    let action = match kind {
        Kind::NetLoss => Some(Action::NetLoss(net::Loss::read(&mut reader))),
        Kind::NetDelay => net::Delay::read(&mut reader).map(Action::NetDelay),
        Kind::NetDuplicate => Some(Action::NetDuplicate(net::Duplicate::read(&mut reader))),
        Kind::NetCorrupt => Some(Action::NetCorrupt(net::Corrupt::read(&mut reader))),
        Kind::NetRate => net::Rate::read(&mut reader).map(Action::NetRate),
        Kind::NetPartition => Some(Action::NetPartition(net::Partition::read(&mut reader))),
        Kind::SockError => sock::Failure::read(&mut reader).map(Action::SockError),
        Kind::ProcessFreeze => {
            let duration = common.as_ref().map(|common| common.duration);
            Pulses::read(&mut reader, duration).map(Action::ProcessFreeze)
        }
        Kind::ProcessSignal => process::Volleys::read(&mut reader).map(Action::ProcessSignal),
        Kind::DiskSlow if limit::Disk::is_asked(&reader) => {
            let duration = common.as_ref().map(|common| common.duration);
            Limit::read(kind, &mut reader, duration).map(Action::Limit)
        }
        Kind::SyscallError
        | Kind::SyscallDelay
        | Kind::ProcessCrash
        | Kind::ProcessFdLimit
        | Kind::ProcessForkError
        | Kind::MemoryError
        | Kind::DiskError
        | Kind::DiskFull
        | Kind::DiskReadonly
        | Kind::DiskSlow => CallFault::read(kind, &mut reader).map(Action::Calls),
        Kind::CpuStress | Kind::MemoryStress | Kind::DiskStress | Kind::DiskFill => {
            pressure::Pressure::read(kind, &mut reader).map(Action::Pressure)
        }
        Kind::CpuLimit | Kind::MemoryLimit => {
            let duration = common.as_ref().map(|common| common.duration);
            Limit::read(kind, &mut reader, duration).map(Action::Limit)
        }
    };
    match (target, action, common) {
        (Some(target), Some(action), Some(common)) => reader.problems.or(FaultSpec {
            target,
            action,
            common,
            places: Places::new(kind, params),
        }),
        _ => Err(reader.problems),
    }
}
