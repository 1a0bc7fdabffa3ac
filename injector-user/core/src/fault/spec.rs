//! A fault that was read without problems.

use std::collections::BTreeMap;

use super::common::Common;
use super::kind::Kind;
use super::places::Places;
use super::{net, process, sock};
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
    SockError(sock::Failure),
    ProcessFreeze(process::Freeze),
    ProcessSignal(process::Volleys),
}

impl FaultSpec {
    pub fn kind(&self) -> Kind {
        match self.action {
            Action::NetLoss(_) => Kind::NetLoss,
            Action::NetDelay(_) => Kind::NetDelay,
            Action::SockError(_) => Kind::SockError,
            Action::ProcessFreeze(_) => Kind::ProcessFreeze,
            Action::ProcessSignal(_) => Kind::ProcessSignal,
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
            Action::SockError(failure) => failure.write(&mut params),
            Action::ProcessFreeze(freeze) => freeze.write(&mut params),
            Action::ProcessSignal(volleys) => volleys.write(&mut params),
        }
        params
    }
}
