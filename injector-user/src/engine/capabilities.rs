//! What this host can do, as far as a fault may need it.

use std::collections::BTreeMap;

use injector_core::fault::Kind;
use injector_core::plan::{Capability, Mechanism};

use super::state::Engine;
use crate::capability::uses;
use crate::clock::monotonic_ns;

impl Engine {
    /// What is known of the mechanisms that a kind of fault may need; tried out if nothing is.
    pub(super) fn capabilities_of(&mut self, kind: Kind) -> BTreeMap<Mechanism, Capability> {
        if self.faults.is_empty() || self.capabilities.knows(kind) {
            return self.capabilities.of(kind);
        }
        let mut found = BTreeMap::new();
        for (mechanism, _use) in uses(kind) {
            // A trial takes a moment, in which the loop that moves the lease does not turn.
            self.renew_lease(monotonic_ns());
            found.extend(self.capabilities.these(&[*mechanism]));
        }
        found
    }
}
