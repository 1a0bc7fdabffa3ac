//! Where things are in this workspace and below its target folder.

use std::{
    env,
    ffi::OsString,
    iter,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use cargo_metadata::{Metadata, MetadataCommand};

/// The workspace as cargo sees it.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) metadata: Metadata,
}

impl Workspace {
    /// The members only, without their dependencies: fast and offline.
    pub(crate) fn members() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec();
        let metadata = metadata.context("ask cargo for the workspace")?;
        Ok(Self { metadata })
    }

    /// Everything, the resolved dependency graph included.
    pub(crate) fn resolved() -> Result<Self> {
        let metadata = MetadataCommand::new().exec();
        let metadata = metadata.context("ask cargo for the dependency graph")?;
        Ok(Self { metadata })
    }

    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// Cargo's target folder, `CARGO_TARGET_DIR` honoured.
    pub(crate) fn target(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// Compiler and linker of the kernel programs.
    pub(crate) fn toolchain(&self) -> PathBuf {
        self.target().join("bpf-toolchain")
    }

    /// Programs the demo and the tests use and the system lacks.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target().join("tools")
    }

    /// Kernels, emulator and disks of guests.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target().join("vm")
    }

    /// A program built by cargo in the profile's folder.
    pub(crate) fn program(&self, profile: &str, name: &str) -> PathBuf {
        self.target().join(profile).join(name)
    }

    /// Whether a member package has a target of that kind (`bin`, `test`) and name.
    pub(crate) fn has_target(&self, package: &str, kind: &str, name: &str) -> bool {
        let packages = self.metadata.packages.iter();
        packages
            .filter(|candidate| candidate.name.as_str() == package)
            .flat_map(|candidate| &candidate.targets)
            .any(|target| {
                target.name == name && target.kind.iter().any(|own| own.to_string() == kind)
            })
    }

    /// `PATH` with the unpacked tools and the system's administration programs.
    pub(crate) fn path(&self) -> Result<OsString> {
        let path = env::var_os("PATH").unwrap_or_default();
        let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        let folders = iter::once(self.tools().join("bin"))
            .chain(env::split_paths(&path))
            .chain(system);
        env::join_paths(folders).context("join the folders of PATH")
    }
}
