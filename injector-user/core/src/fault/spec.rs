//! A fault that was read without problems.

use std::collections::BTreeMap;

use super::calls::CallFault;
use super::common::Common;
use super::kind::Kind;
use super::limit::Limit;
use super::peer::Peer;
use super::places::Places;
use super::pulses::Pulses;
use super::syscall::Failing;
use super::{net, pressure, process, sock};
use crate::target::Selector;

/// One thing to be done to one target.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultSpec {
    pub target: Selector,
    pub action: Action,
    pub common: Common,
    /// Where all this was written.
    pub places: Places,
}

/// What is done, with the parameters that only this kind has.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    NetLoss(net::Loss),
    NetDelay(net::Delay),
    NetDuplicate(net::Duplicate),
    NetCorrupt(net::Corrupt),
    NetRate(net::Rate),
    NetPartition(net::Partition),
    SockError(sock::Failure),
    ProcessFreeze(Pulses),
    ProcessSignal(process::Volleys),
    Calls(CallFault),
    Pressure(pressure::Pressure),
    Limit(Limit),
}

impl FaultSpec {
    pub fn kind(&self) -> Kind {
        match &self.action {
            Action::NetLoss(_) => Kind::NetLoss,
            Action::NetDelay(_) => Kind::NetDelay,
            Action::NetDuplicate(_) => Kind::NetDuplicate,
            Action::NetCorrupt(_) => Kind::NetCorrupt,
            Action::NetRate(_) => Kind::NetRate,
            Action::NetPartition(_) => Kind::NetPartition,
            Action::SockError(_) => Kind::SockError,
            Action::ProcessFreeze(_) => Kind::ProcessFreeze,
            Action::ProcessSignal(_) => Kind::ProcessSignal,
            Action::Calls(fault) => fault.kind(),
            Action::Pressure(pressure) => pressure.kind(),
            Action::Limit(limit) => limit.kind(),
        }
    }

    /// The named strings this fault reads back from; defaults are left out.
    pub fn to_params(&self) -> BTreeMap<String, String> {
        let mut params = BTreeMap::new();
        params.insert("target".to_owned(), self.target.to_string());
        self.common.write(&mut params);
        match &self.action {
            Action::NetLoss(loss) => loss.write(&mut params),
            Action::NetDelay(delay) => delay.write(&mut params),
            Action::NetDuplicate(duplicate) => duplicate.write(&mut params),
            Action::NetCorrupt(corrupt) => corrupt.write(&mut params),
            Action::NetRate(rate) => rate.write(&mut params),
            Action::NetPartition(partition) => partition.write(&mut params),
            Action::SockError(failure) => failure.write(&mut params),
            Action::ProcessFreeze(freeze) => freeze.write(&mut params),
            Action::ProcessSignal(volleys) => volleys.write(&mut params),
            Action::Calls(fault) => fault.write(&mut params),
            Action::Pressure(pressure) => pressure.write(&mut params),
            Action::Limit(limit) => limit.write(&mut params),
        }
        params
    }
}

impl Action {
    /// Which packets suffer, if it is packets that do.
    pub fn filter(&self) -> Option<&net::Filter> {
        match self {
            Self::NetLoss(net::Loss { filter, .. })
            | Self::NetDelay(net::Delay { filter, .. })
            | Self::NetDuplicate(net::Duplicate { filter, .. })
            | Self::NetCorrupt(net::Corrupt { filter, .. })
            | Self::NetRate(net::Rate { filter, .. })
            | Self::NetPartition(net::Partition { filter, .. }) => Some(filter),
            Self::SockError(_)
            | Self::ProcessFreeze(_)
            | Self::ProcessSignal(_)
            | Self::Calls(_)
            | Self::Pressure(_)
            | Self::Limit(_) => None,
        }
    }

    /// Which system calls suffer, and how, if it is they that do.
    pub fn failing(&self) -> Option<Failing> {
        match self {
            Self::Calls(fault) => Some(fault.failing()),
            _of_other_things => None,
        }
    }

    /// Whom the filters name at the other end.
    pub fn peers(&self) -> &[Peer] {
        match self {
            Self::SockError(failure) => &failure.peers,
            action => action.filter().map_or(&[], |filter| &filter.peers),
        }
    }

    /// The same, to have names resolved.
    pub fn peers_mut(&mut self) -> &mut [Peer] {
        match self {
            Self::NetLoss(net::Loss { filter, .. })
            | Self::NetDelay(net::Delay { filter, .. })
            | Self::NetDuplicate(net::Duplicate { filter, .. })
            | Self::NetCorrupt(net::Corrupt { filter, .. })
            | Self::NetRate(net::Rate { filter, .. })
            | Self::NetPartition(net::Partition { filter, .. }) => &mut filter.peers,
            Self::SockError(failure) => &mut failure.peers,
            Self::ProcessFreeze(_)
            | Self::ProcessSignal(_)
            | Self::Calls(_)
            | Self::Pressure(_)
            | Self::Limit(_) => &mut [],
        }
    }

    /// How one packet's lot depends on the one's before.
    pub fn bursts(&self) -> net::Bursts {
        match self {
            Self::NetLoss(net::Loss { bursts, .. })
            | Self::NetDuplicate(net::Duplicate { bursts, .. })
            | Self::NetCorrupt(net::Corrupt { bursts, .. }) => *bursts,
            Self::NetDelay(_)
            | Self::NetRate(_)
            | Self::NetPartition(_)
            | Self::SockError(_)
            | Self::ProcessFreeze(_)
            | Self::ProcessSignal(_)
            | Self::Calls(_)
            | Self::Pressure(_)
            | Self::Limit(_) => net::Bursts::Independent,
        }
    }
}
