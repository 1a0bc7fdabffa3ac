//! The token without which nothing on the host can be changed.

use thiserror::Error;

use super::protected::Protection;

/// Proof that safety has agreed to a change of the host. Only this module can make one.
#[derive(Debug)]
pub struct Permit {
    _only_here: (),
}

/// Safety does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("process {pid} must not be a target: {reason}")]
pub struct NotPermitted {
    pub pid: i32,
    pub reason: String,
}

/// Agrees to a fault that makes the processes `who` suffer, looked at once more just before it acts:
/// what the plan was made from may have changed since.
pub fn permit(
    who: impl IntoIterator<Item = i32>,
    protection: &Protection,
) -> Result<Permit, NotPermitted> {
    for pid in who {
        if let Some(reason) = protection.look_up(pid) {
            return Err(NotPermitted { pid, reason });
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
    use super::{NotPermitted, permit};
    use crate::safety::Protection;

    #[test]
    fn the_first_process_gets_nobody_a_permit() {
        let refused = permit([1], &Protection::of([])).map(drop).unwrap_err();
        let NotPermitted { pid, reason } = refused;
        assert_eq!(
            (pid, reason.as_str()),
            (1, "it is the first process of the system")
        );
    }

    #[test]
    fn a_process_that_has_vanished_is_in_nobodys_way() {
        permit([i32::MAX], &Protection::of([])).map(drop).unwrap();
    }
}
