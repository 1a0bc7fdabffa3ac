//! `cargo xtask build`: the `temblor` binary, kernel objects included.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Value;

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

/// The same, linked statically.
pub(crate) fn static_binaries(profile: &str) -> Result<Step> {
    let host = host()?;
    // Flags for an explicit target do not reach procedural macros, which cannot be static.
    let flags = format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        host.to_uppercase().replace('-', "_")
    );
    Ok(binaries(profile)
        .args(["--target", &host])
        .env(flags, "-Ctarget-feature=+crt-static"))
}

/// Where those are.
pub(crate) fn static_folder(workspace: &Workspace, profile: &str) -> Result<PathBuf> {
    Ok(workspace.target().join(host()?).join(profile))
}

/// The executable of a test target in cargo's messages.
pub(crate) fn executable(messages: &str, test: &str) -> Option<PathBuf> {
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut own = messages.filter(|message| {
        message["target"]["name"] == test && message["target"]["kind"][0] == "test"
    });
    own.find_map(|message| Some(message["executable"].as_str()?.into()))
}

fn statically(workspace: &Workspace) -> Result<PathBuf> {
    static_binaries("dist")?.run()?;
    Ok(static_folder(workspace, "dist")?.join("temblor"))
}

/// The target that this machine's programs are built for.
fn host() -> Result<String> {
    let version = Step::new("rustc").arg("-vV").read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say its host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::executable;

    #[test]
    fn the_test_binary_is_found_among_cargos_messages() {
        let messages = r#"{"reason":"build-script-executed"}
            {"reason":"compiler-artifact","target":{"name":"host","kind":["bin"]},"executable":"/bin"}
            {"reason":"compiler-artifact","target":{"name":"host","kind":["test"]},"executable":"/t/host-1"}
            {"reason":"build-finished","success":true}"#;
        assert_eq!(
            executable(messages, "host"),
            Some(PathBuf::from("/t/host-1"))
        );
        assert_eq!(executable(messages, "vm"), None);
    }
}
