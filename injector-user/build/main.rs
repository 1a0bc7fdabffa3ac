//! Builds the kernel objects and puts them where the crate embeds them: `$OUT_DIR/<bin>.o`, one per
//! `[[bin]]` of `injector-ebpf`.
//!
//! It must never change the machine: a missing toolchain is one error that names the command which
//! installs it. With `TEMBLOR_SKIP_BPF=1` the objects are empty files, for checks that never load
//! them.
#![expect(
    clippy::print_stdout,
    reason = "a build script talks to cargo on stdout"
)]

mod compile;
mod strip;
mod toolchain;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};

use crate::toolchain::Toolchain;

fn main() -> ExitCode {
    match objects() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One `cargo::error` per line: a multi-line value would be cut after its first line.
            for line in format!("{error:#}").lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn objects() -> Result<()> {
    let out = PathBuf::from(variable("OUT_DIR")?);
    let package = Path::new(&variable("CARGO_MANIFEST_DIR")?).with_file_name("injector-ebpf");
    let manifest = package.join("Cargo.toml");
    let sources = [
        "Cargo.toml",
        "src",
        "abi/Cargo.toml",
        "abi/src",
        "../Cargo.lock",
    ];
    for source in sources {
        println!("cargo::rerun-if-changed={}", package.join(source).display());
    }
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-env-changed=TEMBLOR_BPF_TOOLCHAIN");
    println!("cargo::rerun-if-env-changed=TEMBLOR_SKIP_BPF");

    let text = fs::read_to_string(&manifest);
    let bins = bins(&text.with_context(|| format!("read {}", manifest.display()))?);
    if env::var("TEMBLOR_SKIP_BPF").is_ok_and(|value| value == "1") {
        return bins.iter().try_for_each(|bin| write(&out, bin, &[]));
    }
    if bins.is_empty() {
        return Ok(());
    }
    let toolchain = Toolchain::find(&out)?;
    toolchain.watch();
    let built = compile::programs(&toolchain, &manifest, &out.join("bpf"))?;
    for bin in &bins {
        let object = fs::read(built.join(bin)).with_context(|| format!("read object `{bin}`"))?;
        let object = strip::dwarf(&object).with_context(|| format!("strip object `{bin}`"))?;
        write(&out, bin, &object)?;
    }
    Ok(())
}

/// The names of the `[[bin]]` tables of a manifest.
fn bins(manifest: &str) -> Vec<String> {
    let name = |table: &str| {
        let body = table.split("\n[").next()?;
        let line = body.lines().find(|line| line.starts_with("name"))?;
        Some(line.split('"').nth(1)?.to_owned())
    };
    manifest.split("[[bin]]").skip(1).filter_map(name).collect()
}

fn write(out: &Path, bin: &str, object: &[u8]) -> Result<()> {
    let path = out.join(format!("{bin}.o"));
    fs::write(&path, object).with_context(|| format!("write {}", path.display()))
}

fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| format!("read `{name}`, which cargo sets"))
}
