//! A kernel from Debian's source, with options that no distribution's kernel has.

use anyhow::{Result, bail};

use super::{Release, Store};
use crate::workspace::Workspace;

pub(crate) fn build(_workspace: &Workspace, _store: &mut Store, release: Release) -> Result<()> {
    bail!("{}", release.name)
}
