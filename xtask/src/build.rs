//! `cargo xtask build`: the `temblor` binary, kernel objects included.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    exec::{Step, cargo, say},
    workspace::Workspace,
};

/// Build the `temblor` binary; the kernel programs are inside it.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask build --release\n  cargo xtask build --static    one \
                  file that runs on any Linux of this architecture"
)]
pub(crate) struct Arguments {
    /// Optimise.
    #[arg(long)]
    release: bool,
    /// One optimised, statically linked file.
    #[arg(long = "static")]
    static_: bool,
}

/// Builds and says where the binary is and how large.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let workspace = Workspace::members()?;
    let binary = if arguments.static_ {
        statically(&workspace)?
    } else {
        let profile = if arguments.release {
            "release"
        } else {
            "debug"
        };
        binaries(profile).run()?;
        workspace.program(profile, "temblor")
    };
    let size = fs::metadata(&binary).with_context(|| format!("measure {}", binary.display()))?;
    let kibibytes = size.len().div_ceil(1024);
    say(format_args!("{} ({kibibytes} KiB)", binary.display()));
    Ok(())
}

/// Cargo's command for `temblor` in a profile's folder, `debug`, `release` or `dist`. Other packages' programs
/// are added to it rather than built on their own, so that shared dependencies are built once.
pub(crate) fn binaries(profile: &str) -> Step {
    let profile = if profile == "debug" { "dev" } else { profile };
    let step = cargo().args(["build", "--package", "injector-user", "--bin", "temblor"]);
    step.args(["--profile", profile])
}

fn statically(workspace: &Workspace) -> Result<PathBuf> {
    let version = Step::new("rustc").arg("-vV").read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say its host")?;
    // Flags for an explicit target do not reach procedural macros, which cannot be static.
    let flags = format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        host.to_uppercase().replace('-', "_")
    );
    binaries("dist")
        .args(["--target", host])
        .env(flags, "-Ctarget-feature=+crt-static")
        .run()?;
    Ok(workspace.target().join(host).join("dist/temblor"))
}
