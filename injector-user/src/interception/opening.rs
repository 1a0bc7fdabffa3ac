//! What a call opens a file for.

use injector_core::fault::syscall::{Opens, Syscall};
use nix::fcntl::OFlag;

use super::call::Call;
use super::{files, memory};

/// Whether a call that opens a file does it for this; other calls are no question of it.
pub(super) fn is_for(call: &Call, syscall: Syscall, asked: Opens) -> bool {
    let Some(flags) = flags(call, syscall) else {
        return true;
    };
    let makes = flags.contains(OFlag::O_TMPFILE)
        || flags.contains(OFlag::O_CREAT) && !is_there(call, syscall);
    match asked {
        Opens::Creating => makes,
        Opens::Writing => makes || flags.intersects(OFlag::O_ACCMODE | OFlag::O_TRUNC),
    }
}

/// How it opens a file; none if it is another call.
fn flags(call: &Call, syscall: Syscall) -> Option<OFlag> {
    let given = |at| OFlag::from_bits_truncate(super::call::low(call.argument(at)).cast_signed());
    match syscall.name() {
        "open" => Some(given(1)),
        "openat" => Some(given(2)),
        "openat2" => {
            // Of a `struct open_how`: 64 bits, of which there are 32 so far.
            let mut word = [0; 4];
            memory::read(call.thread, call.argument(2), &mut word)?;
            Some(OFlag::from_bits_truncate(i32::from_le_bytes(word)))
        }
        "creat" => Some(OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_TRUNC),
        _ => None,
    }
}

fn is_there(call: &Call, syscall: Syscall) -> bool {
    let mut paths = syscall.paths();
    let path = paths.find_map(|at| files::named(call, syscall, at));
    path.is_some_and(|path| path.symlink_metadata().is_ok())
}
