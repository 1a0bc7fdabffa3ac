//! Parts of the kernel that are not built in.

use std::fs::File;

use anyhow::Result;
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};

use crate::say::Said;

/// Loads them in this order; one that is refused is told, as some tests will do without it.
pub(crate) fn load(files: &[String], said: &Said) -> Result<()> {
    for path in files {
        let file = File::open(path)?;
        match finit_module(&file, c"", ModuleInitFlags::empty()) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => said.line(&format!("note module {path} is refused: {errno}"))?,
        }
    }
    Ok(())
}
