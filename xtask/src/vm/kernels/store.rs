//! Kernels that are here, and getting those that are not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    exec::say,
    vm::kernels::{
        debian::Debian,
        modules::{self, Module},
        ready,
        table::{Origin, Release},
    },
};

/// A kernel that can be booted.
#[derive(Clone, Debug)]
pub(crate) struct Kernel {
    pub(crate) name: &'static str,
    /// What it calls itself, and where it is from.
    pub(crate) version: String,
    folder: PathBuf,
}

/// The folder of kernels.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    debian: Debian,
}

impl Kernel {
    /// The file to boot.
    pub(crate) fn image(&self) -> PathBuf {
        self.folder.join(IMAGE)
    }

    /// What tests need that is not built in.
    pub(crate) fn modules(&self) -> Result<Vec<Module>> {
        let folder = self.folder.join(MODULES);
        if !folder.exists() {
            return Ok(Vec::new());
        }
        modules::needed(&folder)
    }
}

/// The names of what is in a kernel's folder.
pub(super) const IMAGE: &str = "vmlinux";
pub(super) const MODULES: &str = "modules";
pub(super) const VERSION: &str = "version";

impl Store {
    /// Keeps them below `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.join("kernels"),
            debian: Debian::new(&folder.join("apt")),
        }
    }

    /// The kernel, if it is here.
    pub(crate) fn here(&self, release: Release) -> Option<Kernel> {
        let folder = self.folder.join(release.name);
        let version = fs::read_to_string(folder.join(VERSION)).ok()?;
        Some(Kernel {
            name: release.name,
            version: version.trim_end().to_owned(),
            folder,
        })
    }

    /// The kernel, which is got if it is not here; the error is why it cannot be had.
    pub(crate) fn get(&mut self, release: Release) -> Result<Kernel> {
        if self.here(release).is_none() {
            say(format_args!("kernel {}: not here yet", release.name));
            self.place(release)?;
        }
        self.here(release).context("it is not where it was put")
    }

    /// Where Debian's packages are got.
    pub(super) fn debian(&mut self) -> &mut Debian {
        &mut self.debian
    }

    fn place(&mut self, release: Release) -> Result<()> {
        if let Some(ready) = ready::find(release.name) {
            return self.fill(release, |_, folder| ready::copy(&ready, folder));
        }
        match release.origin {
            Origin::Debian { series, suites } => {
                let packages = self.debian.packages(series, suites)?;
                self.fill(release, |debian, folder| debian.unpack(&packages, folder))
            }
            Origin::Built { .. } => bail!(
                "no distribution has it; hint: `cargo xtask vm kernel --build {}`, or name a \
                 folder of ready kernels in {}",
                release.name,
                ready::FOLDER
            ),
        }
    }

    /// Puts a kernel here under its name, whole or not at all.
    pub(super) fn fill(
        &mut self,
        release: Release,
        fill: impl FnOnce(&mut Debian, &Path) -> Result<()>,
    ) -> Result<()> {
        let folder = self.folder.join(release.name);
        let partial = self.folder.join(format!("{}.partial", release.name));
        for old in [&partial, &folder] {
            if old.exists() {
                fs::remove_dir_all(old).with_context(|| format!("remove {}", old.display()))?;
            }
        }
        fs::create_dir_all(&partial).with_context(|| format!("create {}", partial.display()))?;
        fill(&mut self.debian, &partial)?;
        fs::rename(&partial, &folder).with_context(|| format!("name {}", folder.display()))
    }
}
