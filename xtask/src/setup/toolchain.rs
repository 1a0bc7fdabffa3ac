//! The compiler of the kernel programs: rustup's nightly when it can do it, else Debian's
//! `rustc-web`, whose `core` for BPF is built already.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use crate::{
    exec::{Step, say},
    setup::{
        apt::Apt,
        linker,
        packages::{TOOLCHAIN, TOOLCHAIN_PARTS},
    },
    workspace::Workspace,
};

/// What to type on a machine without `apt-get`.
const BY_HAND: &str = "no toolchain for the kernel programs and no `apt-get` to get one; \
    hint: `rustup toolchain install nightly-2026-05-20 --component rust-src`, then this again";

/// The nightlies that the build script of `injector-user` tries.
const NIGHTLIES: &[&str] = &["nightly-2026-05-20", "nightly"];

/// Puts compiler and linker where the build script of `injector-user` looks.
pub(crate) fn install(workspace: &Workspace, apt: &mut Apt) -> Result<()> {
    let folder = workspace.toolchain();
    let compiler = folder.join("rust");
    if compiler.join("usr/bin/rustc").exists() {
        say("BPF compiler: present, Debian's");
    } else if nightly() {
        say("BPF compiler: present, rustup's nightly with rust-src");
    } else {
        say("BPF compiler: Debian's rustc-web, unpacked privately (0.5 GB)");
        say("  why: stable Rust has no `core` for the BPF target the kernel programs run on");
        unpack(apt, &compiler)?;
    }
    linker::install(&folder)
}

fn unpack(apt: &mut Apt, compiler: &Path) -> Result<()> {
    ensure!(Apt::exists(), BY_HAND);
    // Unpacked under another name first, so that an interrupted setup is not taken for a whole one.
    let partial = compiler.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("remove {}", partial.display()))?;
    }
    let part = |name: &str| TOOLCHAIN_PARTS.iter().any(|start| name.starts_with(start));
    apt.unpack(TOOLCHAIN, part, &partial)?;
    fs::rename(&partial, compiler).with_context(|| format!("name {}", compiler.display()))
}

/// Whether rustup has a nightly that can build `core` and whose LLVM the linker knows.
fn nightly() -> bool {
    NIGHTLIES.iter().any(|nightly| {
        let rustc = || Step::new("rustup").args(["run", nightly, "rustc"]);
        let root = rustc().args(["--print", "sysroot"]).read();
        let version = rustc().arg("-vV").read().unwrap_or_default();
        let source = "lib/rustlib/src/rust/library/core/Cargo.toml";
        root.is_ok_and(|root| Path::new(root.trim()).join(source).exists())
            && version.contains(&format!("LLVM version: {}.", linker::LLVM))
    })
}
