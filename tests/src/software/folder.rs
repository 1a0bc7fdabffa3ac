//! Where software keeps its files.

use std::env;
use std::path::Path;

use anyhow::Result;
use tempfile::TempDir;

/// A guest's disk: its other file systems are memory, where nothing has to be synced.
const DISK: &str = "/disk";

/// A new folder on a real disk where there is one, else where temporary files go.
pub fn folder() -> Result<TempDir> {
    let disk = Path::new(DISK);
    let parent = if disk.exists() {
        disk.to_owned()
    } else {
        env::temp_dir()
    };
    Ok(tempfile::tempdir_in(parent)?)
}

/// Whether a program is on `PATH`.
pub fn is_here(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).exists())
}
