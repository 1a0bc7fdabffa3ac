//! The token without which nothing on the host can be changed.

use injector_core::plan::{Plan, Who};
use thiserror::Error;

use super::protected::Protection;

/// Proof that safety has agreed to a change of the host. Only this module can make one.
#[derive(Debug)]
pub struct Permit {
    _only_here: (),
}

/// Safety does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("process {pid} is protected: {reason}")]
pub struct NotPermitted {
    pub pid: i32,
    pub reason: String,
}

/// Agrees to a plan whose processes are not protected, looked at once more just before it is carried
/// out: what it was made from may have changed since.
pub fn permit(plan: &Plan, protection: &Protection) -> Result<Permit, NotPermitted> {
    for who in &plan.who {
        if let Who::Process { pid, .. } = who
            && let Some(reason) = protection.look_up(*pid)
        {
            return Err(NotPermitted { pid: *pid, reason });
        }
    }
    Ok(Permit { _only_here: () })
}

/// Agrees to what concerns nobody but ourselves, such as the keeper's own cgroup.
pub fn permit_housekeeping() -> Permit {
    Permit { _only_here: () }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use injector_core::fault::Kind;
    use injector_core::plan::{Mechanism, Plan, Select, Who};

    use super::{NotPermitted, permit};
    use crate::safety::Protection;

    fn plan(pid: i32) -> Plan {
        Plan {
            also: Vec::new(),
            kind: Kind::ProcessFreeze,
            fault: BTreeMap::new(),
            who: vec![Who::Process {
                pid,
                comm: "somebody".to_owned(),
            }],
            chosen: None,
            mechanism: Mechanism::FreezerV2,
            hooks: Vec::new(),
            select: Select::default(),
            delay_ns: 0,
            duration_ns: 0,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn the_first_process_gets_nobody_a_permit() {
        let refused = permit(&plan(1), &Protection::of([]));
        let expected = NotPermitted {
            pid: 1,
            reason: "it is the first process of the system".to_owned(),
        };
        assert_eq!(refused.map(drop), Err(expected));
    }

    #[test]
    fn a_process_that_has_vanished_is_in_nobodys_way() {
        permit(&plan(i32::MAX), &Protection::of([]))
            .map(drop)
            .unwrap();
    }
}
