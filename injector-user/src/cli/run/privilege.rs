//! Giving up root: an experiment runs programs and writes files, and only the engine needs root.

use std::env;
use std::ffi::CString;
use std::io;

use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgid, setuid};

use crate::cli::failure::CliError;

/// Becomes the user who called `sudo`, for good. Nothing happens without `sudo`.
pub(super) fn drop_to_caller() -> Result<(), CliError> {
    let uid = env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
    match uid {
        Some(uid) if uid != 0 && geteuid().is_root() => {
            become_user(Uid::from_raw(uid)).map_err(|source| CliError::Privilege { uid, source })
        }
        _ => Ok(()),
    }
}

fn become_user(uid: Uid) -> io::Result<()> {
    let user = User::from_uid(uid)?.ok_or(io::ErrorKind::NotFound)?;
    let name = CString::new(user.name)?;
    let gid: Gid = user.gid;
    // The order matters: whoever has changed the user may not change the groups any more.
    initgroups(&name, gid)?;
    setgid(gid)?;
    setuid(uid)?;
    Ok(())
}
