//! Finds a compiler that has `core` for BPF, or can build it, and a linker that fits its LLVM.
//!
//! It must never install anything. Finding nothing is an error that names `cargo xtask setup`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

/// rustup's names of the nightlies to try; `cargo xtask setup` tells people to install the first.
const NIGHTLIES: &[&str] = &["nightly-2026-05-20", "nightly"];

/// How `rustc -vV` names the only LLVM whose code bpf-linker 0.10 reads.
const LLVM: &str = "LLVM version: 22.";

/// What one build of the kernel programs needs.
pub(crate) struct Toolchain {
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    pub(crate) linker: PathBuf,
    /// Where bpf-linker finds the compiler's own LLVM.
    pub(crate) libraries: Vec<PathBuf>,
    /// No `core` for BPF comes with the compiler, but its source does.
    pub(crate) build_core: bool,
}

impl Toolchain {
    /// The private one, else rustup's nightly, else whatever compiler runs this build.
    pub(crate) fn find(out: &Path) -> Result<Self> {
        if let Some(folder) = env::var_os("TEMBLOR_BPF_TOOLCHAIN") {
            let folder = PathBuf::from(folder);
            return Self::private(&folder).with_context(|| {
                let folder = folder.display();
                format!("`TEMBLOR_BPF_TOOLCHAIN={folder}` names no whole toolchain")
            });
        }
        let folders = || out.ancestors().map(|folder| folder.join("bpf-toolchain"));
        let linker = || {
            folders()
                .find_map(|folder| existing(folder.join("bin/bpf-linker")))
                .or_else(|| on_path("bpf-linker"))
        };
        folders()
            .find_map(|folder| Self::private(&folder))
            .or_else(|| Self::nightly(linker()?))
            .or_else(|| Self::own(linker()?))
            .context(
                "no toolchain for the kernel programs on this machine; \
                 `cargo xtask setup` installs one",
            )
    }

    /// Makes cargo build again when the toolchain was replaced.
    pub(crate) fn watch(&self) {
        for path in [&self.rustc, &self.linker] {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }

    /// Debian's `rustc-web` and bpf-linker, unpacked by `cargo xtask setup`.
    fn private(folder: &Path) -> Option<Self> {
        let rustc = existing(folder.join("rust/usr/bin/rustc"))?;
        let linker = folder.join("bin/bpf-linker");
        Self::new(env::var_os("CARGO")?.into(), rustc, linker, false)
    }

    /// A nightly that can build `core` itself and whose LLVM the linker reads.
    fn nightly(linker: PathBuf) -> Option<Self> {
        let rustc = NIGHTLIES.iter().find_map(|nightly| {
            let found = answer("rustup", &["which", "--toolchain", nightly, "rustc"])?;
            let rustc = PathBuf::from(found);
            existing(sysroot(&rustc)?.join("lib/rustlib/src/rust/library/core/Cargo.toml"))?;
            let version = answer(rustc.to_str()?, &["-vV"])?;
            version.contains(LLVM).then_some(rustc)
        })?;
        let cargo = existing(rustc.with_file_name("cargo"))?;
        Self::new(cargo, rustc, linker, true)
    }

    /// The compiler of this very build, when a distribution ships `core` for BPF with it.
    fn own(linker: PathBuf) -> Option<Self> {
        let root = answer(&env::var("RUSTC").ok()?, &["--print", "sysroot"])?;
        let root = PathBuf::from(root);
        existing(root.join("lib/rustlib/bpfel-unknown-none"))?;
        let cargo = env::var_os("CARGO")?.into();
        Self::new(cargo, root.join("bin/rustc"), linker, false)
    }

    fn new(cargo: PathBuf, rustc: PathBuf, linker: PathBuf, build_core: bool) -> Option<Self> {
        let lib = sysroot(&rustc)?.join("lib");
        let folders = fs::read_dir(&lib).ok()?.flatten().map(|entry| entry.path());
        let mut libraries: Vec<_> = folders
            .filter(|path| path.to_string_lossy().ends_with("-linux-gnu"))
            .collect();
        libraries.push(lib);
        Some(Self {
            cargo,
            rustc: existing(rustc)?,
            linker: existing(linker)?,
            libraries,
            build_core,
        })
    }
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    Some(rustc.parent()?.parent()?.to_owned())
}

/// What a command prints; nothing when there is no such command or it fails.
fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).find_map(|folder| existing(folder.join(program)))
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}
