//! What a client can do about a failure, where, and how it is said.

use std::error::Error;
use std::io;

use injector_core::fault::Kind;
use injector_core::problem::{Place, Problem};

use super::state::{failed, refused};
use crate::loader::{HookError, KernelError};
use crate::protocol::Failure;
use crate::safety::undo::UndoError;

/// What helps against what has changed between planning and arming.
const ASK_AGAIN: &str =
    "nothing was changed; ask again, or let `temblor plan` say what would be done";

/// What helps when there is no room for another fault.
const MAKE_ROOM: &str = "`temblor status` says what is armed; `temblor stop FAULT` makes room";

/// Why the kernel's side could not be armed: a refusal where nothing but room is missing.
pub(super) fn not_armed(error: &KernelError) -> Failure {
    match error {
        KernelError::Full | KernelError::Hook(HookError::Full) => {
            refused(error.to_string(), Some(MAKE_ROOM))
        }
        _ => failed(error),
    }
}

/// What the user can do about an error, by its causes. Whatever it is, arming has been undone.
pub(super) fn hint(error: &(dyn Error + 'static)) -> String {
    let chain = || std::iter::successors(Some(error), cause);
    let mut undo = chain().filter_map(|error| error.downcast_ref::<UndoError>()?.hint());
    let mut kinds = chain().filter_map(|error| Some(error.downcast_ref::<io::Error>()?.kind()));
    let hint = undo.next().or_else(|| kinds.find_map(of_kind));
    let otherwise = "nothing was changed; `temblor doctor` says what this host can do";
    hint.unwrap_or(otherwise).to_owned()
}

fn cause<'a>(error: &&'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let error: &'a (dyn Error + 'static) = *error;
    error.source()
}

fn of_kind(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::NotFound => Some("it has vanished just now: look at the target, ask again"),
        io::ErrorKind::PermissionDenied => {
            Some("the engine may not: `temblor doctor` says what forbids it")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("nothing was changed: free some space there")
        }
        io::ErrorKind::OutOfMemory => Some("nothing was changed: free some memory"),
        _ => None,
    }
}

/// What could not be planned or armed: said of the fault as a whole where it names no parameter, and
/// never without a hint.
pub(super) fn about_fault(kind: Kind, failure: Failure) -> Failure {
    let explained = |problem: Problem| {
        let whole = Place {
            path: kind.name().to_owned(),
            ..Place::default()
        };
        let nowhere = problem.place == Place::default();
        Problem {
            place: if nowhere { whole } else { problem.place },
            hint: problem.hint.or_else(|| Some(ASK_AGAIN.to_owned())),
            ..problem
        }
    };
    Failure {
        problems: failure.problems.into_iter().map(explained).collect(),
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::PathBuf;

    use injector_core::fault::Kind;

    use super::{ASK_AGAIN, about_fault, hint};
    use crate::engine::state::refused;
    use crate::safety::undo::UndoError;

    #[test]
    fn a_failure_that_names_no_parameter_is_said_of_the_fault() {
        let failure = about_fault(Kind::NetLoss, refused("no", None));
        let expected = format!("net.loss: no\nhint: {ASK_AGAIN}");
        assert_eq!(failure.problems[0].render(), expected);
    }

    #[test]
    fn a_full_disk_under_the_undo_log_says_where_to_make_room() {
        let error = UndoError::Write {
            path: PathBuf::from("undo/1"),
            source: io::ErrorKind::StorageFull.into(),
        };
        let expected = "nothing was changed: free some space there, or set TEMBLOR_RUN_DIR";
        assert_eq!(hint(&error), expected);
    }

    #[test]
    fn what_nobody_knows_a_remedy_for_has_a_hint_too() {
        let error = io::Error::from(io::ErrorKind::Other);
        assert!(hint(&error).contains("temblor doctor"));
    }
}
