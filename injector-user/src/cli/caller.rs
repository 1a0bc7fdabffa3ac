//! Who called `sudo`: only the engine needs root, and what a person runs runs as that person.

use std::env;

use nix::unistd::geteuid;

use super::failure::CliError;
use crate::target::command::Identity;

/// The user who called `sudo`; none if nobody did, or root itself.
pub(super) fn caller() -> Result<Option<Identity>, CliError> {
    let uid = env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
    match uid {
        Some(uid) if uid != 0 && geteuid().is_root() => Ok(Some(Identity::of(uid)?)),
        _ => Ok(None),
    }
}

/// Becomes the user who called `sudo`, for good. Nothing happens without `sudo`.
pub(super) fn drop_to_caller() -> Result<(), CliError> {
    let Some(caller) = caller()? else {
        return Ok(());
    };
    caller
        .assume()
        .map_err(|errno| CliError::Privilege(errno.into()))
}
