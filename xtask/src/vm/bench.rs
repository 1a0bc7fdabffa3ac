//! What every guest needs.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    exec::say,
    vm::{
        disk,
        emulator::Emulator,
        guest::Guest,
        initramfs,
        kernels::{Kernel, Store},
        machines::Variant,
        payload::{Payload, Purpose},
    },
    workspace::Workspace,
};

/// An emulator and our programs, ready to start guests.
#[derive(Debug)]
pub(crate) struct Bench {
    emulator: Emulator,
    base: Vec<u8>,
    /// Only tests of real software need it, and fail without it.
    disk: Option<PathBuf>,
    folder: PathBuf,
}

impl Bench {
    /// Builds what is not built yet.
    pub(crate) fn new(workspace: &Workspace, emulator: Emulator, purpose: Purpose) -> Result<Self> {
        let payload = Payload::build(workspace, purpose)?;
        let base = initramfs::base(workspace, &payload)?;
        let disk = disk::image(workspace);
        if let Err(error) = &disk {
            say(format_args!("guests have no disk: {error:#}"));
        }
        Ok(Self {
            emulator,
            base,
            disk: disk.ok(),
            folder: workspace.guests(),
        })
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(&self.folder)
    }

    /// Whether guests have real software.
    pub(crate) fn has_disk(&self) -> bool {
        self.disk.is_some()
    }

    /// A guest that has not been started.
    pub(crate) fn guest<'a>(&'a self, kernel: &'a Kernel, variant: Variant) -> Guest<'a> {
        let name = format!("{}-{}", kernel.name, variant.name);
        Guest {
            emulator: &self.emulator,
            kernel,
            variant,
            base: &self.base,
            disk: self.disk.as_deref(),
            folder: self.folder.join("guests").join(name),
        }
    }
}
