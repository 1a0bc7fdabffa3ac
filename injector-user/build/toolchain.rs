//! Finds a compiler that has `core` for BPF, or can build it, and a linker that fits its LLVM.
//!
//! It must never install anything. Finding nothing is an error that names `cargo xtask setup`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

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

    /// A nightly that can build `core` itself.
    fn nightly(linker: PathBuf) -> Option<Self> {
        let rustc = answer("rustup", &["which", "--toolchain", "nightly", "rustc"])?;
        let source = "lib/rustlib/src/rust/library/core/Cargo.toml";
        existing(sysroot(&rustc)?.join(source))?;
        let cargo = existing(rustc.with_file_name("cargo"))?;
        Self::new(cargo, rustc, linker, true)
    }

    /// The compiler of this very build, when a distribution ships `core` for BPF with it.
    fn own(linker: PathBuf) -> Option<Self> {
        let root = answer(&env::var("RUSTC").ok()?, &["--print", "sysroot"])?;
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

/// The path a command prints; nothing when there is no such command or it fails.
fn answer(program: &str, arguments: &[&str]) -> Option<PathBuf> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    output.status.success().then_some(path)
}

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).find_map(|folder| existing(folder.join(program)))
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.exists().then_some(path)
}
