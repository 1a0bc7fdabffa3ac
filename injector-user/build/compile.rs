//! Runs the inner cargo. It must never let the outer build's compiler, flags or target leak in; a
//! program that does not compile fails with the compiler's own messages.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{toolchain::Toolchain, variable};

/// Variables of the outer build that would change the inner one.
const FOREIGN: &[&str] = &[
    "CARGO_ENCODED_RUSTFLAGS",
    "CLIPPY_ARGS",
    "RUSTC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];
/// The same for whole families of variables.
const FOREIGN_PREFIXES: &[&str] = &[
    "CARGO_BUILD_",
    "CARGO_CFG_",
    "CARGO_FEATURE_",
    "CARGO_PKG_",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "RUSTC_",
];

/// Builds every kernel program and returns the folder that holds the ELF files.
pub(crate) fn programs(
    toolchain: &Toolchain,
    manifest: &Path,
    target_dir: &Path,
) -> Result<PathBuf> {
    let target = match variable("CARGO_CFG_TARGET_ENDIAN")?.as_str() {
        "big" => "bpfeb-unknown-none",
        _ => "bpfel-unknown-none",
    };
    let mut cargo = Command::new(&toolchain.cargo);
    for (name, _) in env::vars_os().filter(|(name, _)| foreign(name)) {
        cargo.env_remove(name);
    }
    cargo.args(["build", "--quiet", "--release", "--bins"]);
    cargo.args(["--target", target, "--package", "injector-ebpf"]);
    cargo.arg("--manifest-path").arg(manifest);
    cargo.arg("--target-dir").arg(target_dir);
    if toolchain.build_core {
        cargo.args(["-Z", "build-std=core"]);
    }
    cargo
        .env("RUSTC", &toolchain.rustc)
        // Debian's compiler calls itself stable; aya-ebpf and `build-std` need unstable features.
        .env("RUSTC_BOOTSTRAP", "1")
        // Empty rather than absent: this also overrides a wrapper from a user's configuration.
        .env("RUSTC_WRAPPER", "")
        .env("RUSTC_WORKSPACE_WRAPPER", "")
        .env("LD_LIBRARY_PATH", env::join_paths(&toolchain.libraries)?)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(toolchain)?)
        // The release profile of the workspace is meant for user space.
        .env("CARGO_PROFILE_RELEASE_LTO", "false")
        .env("CARGO_PROFILE_RELEASE_STRIP", "none");
    run(&mut cargo)?;
    Ok(target_dir.join(target).join("release"))
}

fn foreign(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    FOREIGN.contains(&&*name)
        || FOREIGN_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Compiler flags in cargo's unit-separated form.
fn flags(toolchain: &Toolchain) -> Result<String> {
    let arch = variable("CARGO_CFG_TARGET_ARCH")?;
    let linker = toolchain.linker.display();
    let flags = [
        format!("--cfg=bpf_target_arch=\"{arch}\""),
        format!("-Clinker={linker}"),
        // BTF is made from debug information, of one unit per program.
        "-Clink-arg=--btf".to_owned(),
        "-Cdebuginfo=2".to_owned(),
        "-Ccodegen-units=1".to_owned(),
        "-Cpanic=abort".to_owned(),
    ];
    Ok(flags.join("\u{1f}"))
}

/// Passes warnings on, and on failure everything cargo said.
fn run(cargo: &mut Command) -> Result<()> {
    let program = cargo.get_program().to_owned();
    let output = cargo
        .output()
        .with_context(|| format!("run {}", program.display()))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("the kernel programs did not build:\n{messages}");
    }
    for line in messages.lines() {
        println!("cargo::warning={line}");
    }
    Ok(())
}
