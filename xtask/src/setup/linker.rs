//! bpf-linker, at the one version whose LLVM matches the compilers we use.

use std::{env, fs, iter, path::Path};

use anyhow::{Context as _, Result};

use crate::exec::{cargo, say};

/// The release of bpf-linker everybody builds with.
const VERSION: &str = "0.10.1";

/// The major version of LLVM it is made for.
pub(crate) const LLVM: u32 = 22;

/// Builds it into `<folder>/bin` unless it is there.
pub(crate) fn install(folder: &Path) -> Result<()> {
    if folder.join("bin/bpf-linker").exists() {
        say(format_args!("bpf-linker: present, {VERSION}"));
        return Ok(());
    }
    say(format_args!(
        "bpf-linker: {VERSION}, built from source (about a minute)"
    ));
    say("  why: turns compiled kernel programs into one object with BTF");
    let build = folder.join("build");
    let mut step = cargo()
        .args(["install", "--locked", "--version", VERSION, "bpf-linker"])
        .arg("--root")
        .arg(folder)
        // Not the caller's target folder: another cargo may hold its lock.
        .env("CARGO_TARGET_DIR", &build);
    // On PATH, so that cargo does not advise to put it there: the build script finds it anyway.
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(folder.join("bin")).chain(env::split_paths(&path));
    step = step.env(
        "PATH",
        env::join_paths(folders).context("join the folders of PATH")?,
    );
    // It finds LLVM when it runs; flags of ours have no place in it.
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        if env::var_os(flags).is_some() {
            step = step.env(flags, "");
        }
    }
    step.run()?;
    fs::remove_dir_all(&build).with_context(|| format!("remove {}", build.display()))
}
