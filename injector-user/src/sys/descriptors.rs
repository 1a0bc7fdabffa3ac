//! How many files this process may have open, and its children.

use std::io;
use std::process::Command;
use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use super::process::before_exec;

/// Soft and hard, as this process got them from its parent; only if they are others by now.
static INHERITED: OnceLock<(rlim_t, rlim_t)> = OnceLock::new();

/// Makes room for so many open files, as far as this process may. What it starts is to have the limit it had:
/// programs that use `select(2)` want a low one.
pub(crate) fn make_room(needed: u64) -> io::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let wanted = needed.min(hard);
    if wanted > soft {
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
        INHERITED.get_or_init(|| (soft, hard));
    }
    Ok(())
}

/// Has the command begin with the limit that this process began with.
pub(crate) fn as_inherited(command: &mut Command) {
    if let Some(&(soft, hard)) = INHERITED.get() {
        before_exec(command, move || {
            Ok(setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?)
        });
    }
}
