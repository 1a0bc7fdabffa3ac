//! What this host can do, found out once per kernel and engine.

use std::collections::BTreeMap;

use injector_core::fault::Kind;
use injector_core::plan::{Capability, CapabilityState, Mechanism};

/// What has been found out so far.
#[derive(Debug, Default)]
pub(super) struct Known {
    found: BTreeMap<Mechanism, Capability>,
}

impl Known {
    /// What is known of the mechanisms that a kind of fault may need.
    pub(super) fn of(&mut self, _kind: Kind) -> BTreeMap<Mechanism, Capability> {
        let yes = Capability {
            state: CapabilityState::Supported,
            reason: String::new(),
        };
        use Mechanism::*;
        for m in [
            TcxLoss,
            CgroupSkbLoss,
            TapDelay,
            CgroupSock,
            FreezerV2,
            FreezerV1,
            ForkTracking,
        ] {
            self.found.insert(m, yes.clone());
        }
        self.found.clone()
    }
}
