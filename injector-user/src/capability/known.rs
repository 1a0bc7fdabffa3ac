//! What has been found out, remembered for as long as this kernel runs.

use std::collections::BTreeMap;
use std::path::Path;

use injector_core::fault::Kind;
use injector_core::plan::{Capability, Mechanism};

use super::identity::Identity;
use super::needs::uses;
use super::probe::probe_these;
use super::store::Store;
use super::verdict::Finding;
use crate::safety::undo::UndoLog;

/// What is known of this host; what is not is tried when it is asked for.
///
/// Only what cannot change while the kernel runs is remembered, here and in the file
/// `capabilities.json`: what was unknown, refused or not mounted is tried again.
#[derive(Debug)]
pub struct Known {
    found: BTreeMap<Mechanism, Capability>,
    store: Store,
    log: Option<UndoLog>,
}

impl Known {
    /// Starts with what an earlier process of the same build has found out about this kernel. A file
    /// that is damaged, somebody else's or of another boot says nothing, and is written anew when
    /// there is something to write.
    pub fn open(run_dir: &Path, log: Option<UndoLog>) -> Self {
        let store = Store::new(run_dir, Identity::read());
        Self {
            found: store.load(),
            store,
            log,
        }
    }

    /// Whether [`Known::of`] would try nothing out.
    pub fn knows(&self, kind: Kind) -> bool {
        let needed: Vec<Mechanism> = uses(kind).iter().map(|(mechanism, _)| *mechanism).collect();
        self.know(&needed)
    }

    /// Whether [`Known::these`] would try nothing out.
    pub fn know(&self, wanted: &[Mechanism]) -> bool {
        wanted
            .iter()
            .all(|mechanism| self.found.contains_key(mechanism))
    }

    /// What this host can do of all that a fault of this kind may need.
    pub fn of(&mut self, kind: Kind) -> BTreeMap<Mechanism, Capability> {
        let wanted: Vec<Mechanism> = uses(kind).iter().map(|(mechanism, _)| *mechanism).collect();
        self.these(&wanted)
    }

    /// What this host can do of all there is.
    pub fn all(&mut self) -> BTreeMap<Mechanism, Capability> {
        self.these(Mechanism::ALL)
    }

    /// Forgets what others found out, so that everything is tried again.
    pub fn forget(&mut self) {
        self.found.clear();
    }

    /// What this host can do of these.
    pub fn these(&mut self, wanted: &[Mechanism]) -> BTreeMap<Mechanism, Capability> {
        let log = self.log.clone();
        self.fill(wanted, |missing| probe_these(missing, log.as_ref()))
    }

    /// Asks `find_out` for what is not known.
    pub(super) fn fill(
        &mut self,
        wanted: &[Mechanism],
        find_out: impl FnOnce(&[Mechanism]) -> BTreeMap<Mechanism, Finding>,
    ) -> BTreeMap<Mechanism, Capability> {
        let is_missing = |mechanism: &Mechanism| !self.found.contains_key(mechanism);
        let missing: Vec<Mechanism> = wanted.iter().copied().filter(is_missing).collect();
        let mut passing = BTreeMap::new();
        if !missing.is_empty() {
            let (lasting, other) = find_out(&missing)
                .into_iter()
                .partition::<BTreeMap<_, _>, _>(|(_mechanism, finding)| finding.lasting);
            let plain = |found: BTreeMap<Mechanism, Finding>| {
                found
                    .into_iter()
                    .map(|(mechanism, finding)| (mechanism, finding.capability))
            };
            passing.extend(plain(other));
            if !lasting.is_empty() {
                self.found.extend(plain(lasting));
                self.store.save(&self.found);
            }
        }
        let known = wanted
            .iter()
            .filter_map(|mechanism| Some((*mechanism, self.found.get(mechanism)?.clone())));
        passing.extend(known);
        passing
    }
}
