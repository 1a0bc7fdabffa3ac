//! A cgroup made for one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::plan::Hierarchy;
use injector_user::freezer::{Flavour, Freezer, State};
use injector_user::target::Mounts;

use crate::{tell, wait_until};

/// A cgroup that is thawed and removed with this value; its processes must have ended by then.
#[derive(Debug)]
pub struct Cgroup {
    flavour: Flavour,
    folder: PathBuf,
}

impl Cgroup {
    /// Makes `temblor-test-PID-NAME` in the hierarchy of this freezer.
    pub fn make(flavour: Flavour, name: &str) -> Result<Self> {
        let hierarchy = match flavour {
            Flavour::V2 => Hierarchy::V2,
            Flavour::V1 => Hierarchy::V1Freezer,
        };
        let mounts = Mounts::read()?;
        let mount = mounts.get(&hierarchy);
        let mount = mount.with_context(|| format!("{hierarchy} is not mounted here"))?;
        let folder = format!("temblor-test-{}-{name}", std::process::id());
        let folder = mount.point.join(folder);
        fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self { flavour, folder })
    }

    /// Whether this host has the hierarchy at all.
    pub fn is_possible(flavour: Flavour) -> Result<bool> {
        let mounts = Mounts::read()?;
        Ok(mounts
            .get(&match flavour {
                Flavour::V2 => Hierarchy::V2,
                Flavour::V1 => Hierarchy::V1Freezer,
            })
            .is_some())
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path as in `/proc/PID/cgroup`; the hierarchy is mounted whole.
    pub fn path(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        format!("/{}", name.display())
    }

    /// As a target.
    pub fn target(&self) -> String {
        format!("cgroup:{}", self.path())
    }

    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    pub fn freezer(&self) -> Result<Freezer> {
        Ok(Freezer::open(self.flavour, &self.folder)?)
    }

    pub fn state(&self) -> Result<State> {
        Ok(self.freezer()?.state()?)
    }

    pub fn enter(&self, pid: i32) -> Result<()> {
        let procs = self.folder.join("cgroup.procs");
        fs::write(&procs, pid.to_string()).with_context(|| procs.display().to_string())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let thawed = self.freezer().and_then(|freezer| Ok(freezer.thaw()?));
        let removed = wait_until(
            "the test's cgroup is removed",
            Duration::from_secs(5),
            || fs::remove_dir(&self.folder).is_ok() || !self.folder.exists(),
        );
        // Not a panic: it would hide why the test failed.
        if removed.is_err() {
            tell(&format!("{} stays: thaw {thawed:?}", self.folder.display()));
        }
    }
}
