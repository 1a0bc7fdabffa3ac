//! What every guest needs.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    vm::{
        emulator::Emulator,
        guest::Guest,
        initramfs,
        kernels::{Kernel, Store},
        machines::Variant,
        payload::Payload,
    },
    workspace::Workspace,
};

/// An emulator and our programs, ready to start guests.
#[derive(Debug)]
pub(crate) struct Bench {
    emulator: Emulator,
    base: Vec<u8>,
    folder: PathBuf,
}

impl Bench {
    /// Builds what is not built yet.
    pub(crate) fn new(workspace: &Workspace, emulator: Emulator) -> Result<Self> {
        let payload = Payload::build(workspace)?;
        let base = initramfs::base(workspace, &payload)?;
        Ok(Self {
            emulator,
            base,
            folder: workspace.guests(),
        })
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(&self.folder)
    }

    /// A guest that has not been started.
    pub(crate) fn guest<'a>(&'a self, kernel: &'a Kernel, variant: Variant) -> Guest<'a> {
        let name = format!("{}-{}", kernel.name, variant.name);
        Guest {
            emulator: &self.emulator,
            kernel,
            variant,
            base: &self.base,
            folder: self.folder.join("guests").join(name),
        }
    }
}
