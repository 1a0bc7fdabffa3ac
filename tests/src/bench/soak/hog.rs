//! Somebody who takes memory until there is none left: in a cgroup with a limit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use injector_user::sys::poll;

use super::actors::Over;
use super::tally::Tally;
use crate::tell;

/// Bytes that it may have.
const LIMIT: u64 = 128 << 20;
/// Between two of its lives.
const PAUSE: Duration = Duration::from_millis(500);

/// Runs into its limit again and again until it is over.
pub(super) fn gorge(over: &Over, tally: &Tally) -> Result<()> {
    let Some(stable) = Stable::build()? else {
        tally.count("no memory limit: this host's cgroups cannot");
        return Ok(());
    };
    while !over.is() {
        let procs = stable.folder.join("cgroup.procs");
        let script = format!("echo $$ > {} && exec tail /dev/zero", procs.display());
        let mut hog = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        hog.wait()?;
        tally.count("memory limits hit");
        poll::wait_readable([], PAUSE)?;
    }
    Ok(())
}

/// A cgroup with a memory limit; removed with this value.
struct Stable {
    folder: PathBuf,
}

impl Stable {
    /// None where the controller is not there to use without changing the host.
    fn build() -> Result<Option<Self>> {
        let name = format!("temblor-soak-{}", std::process::id());
        for (root, limit) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ] {
            let root = Path::new(root);
            if !root.join("cgroup.procs").exists() {
                continue;
            }
            let stable = Self {
                folder: root.join(&name),
            };
            fs::create_dir(&stable.folder)?;
            let control = stable.folder.join(limit);
            if control.exists() {
                fs::write(control, LIMIT.to_string())?;
                return Ok(Some(stable));
            }
        }
        Ok(None)
    }
}

impl Drop for Stable {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.folder) {
            tell(&format!("{} stays: {error}", self.folder.display()));
        }
    }
}
