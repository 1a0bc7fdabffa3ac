//! Processes that became targets after probes were put at their instructions.

use std::collections::{BTreeMap, BTreeSet};

use injector_core::plan::Hook;

use super::place::link_for;
use super::program::{Link, Program};

/// By process; none where it has ended before it could be reached.
#[derive(Debug, Default)]
pub(super) struct Later {
    links: BTreeMap<i32, Option<Link>>,
}

impl Later {
    /// Attaches for those that are new, and detaches for those that are no targets any more.
    pub(super) fn reach(&mut self, hook: &Hook, program: &Program, all: &BTreeSet<i32>) {
        let Hook::Instructions {
            site, processes, ..
        } = hook
        else {
            return;
        };
        self.links.retain(|process, _link| all.contains(process));
        for process in all {
            if processes.contains(process) || self.links.contains_key(process) {
                continue;
            }
            // Should it have ended meanwhile, it is not tried again.
            let link = link_for(site, program, *process).ok().flatten();
            self.links.insert(*process, link);
        }
    }

    pub(super) fn into_links(self) -> impl Iterator<Item = Link> {
        self.links.into_values().flatten()
    }
}
