//! What this host can do, as far as a fault may need it.

use std::collections::BTreeMap;

use injector_core::fault::Kind;
use injector_core::plan::{Capability, Mechanism};

use super::state::Engine;
use crate::clock::monotonic_ns;

impl Engine {
    /// What is known of the mechanisms that a kind of fault may need; tried out if nothing is.
    pub(super) fn capabilities_of(&mut self, kind: Kind) -> BTreeMap<Mechanism, Capability> {
        if !self.capabilities.knows(kind) && !self.faults.is_empty() {
            // Trials take a moment, in which this loop does not move the lease.
            self.renew_lease(monotonic_ns());
        }
        self.capabilities.of(kind)
    }
}
