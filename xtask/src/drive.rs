//! `cargo xtask demo` and `bench`: set up, build as the caller, run as root.

use std::{ffi::OsString, path::Path};

use anyhow::{Context as _, Result, ensure};
use nix::unistd::{getegid, geteuid};

use crate::{
    build,
    exec::{Step, is_root, say},
    setup::{self, Purpose},
    vm,
    workspace::Workspace,
};

/// Package of the demo and the benchmarks.
const PACKAGE: &str = "temblor-tests";

/// Runs the demo and returns its exit code.
pub(crate) fn demo(rest: &[String]) -> Result<u8> {
    let workspace = Workspace::members()?;
    let out = workspace.target().join("demo");
    let arguments = [OsString::from("--out"), out.clone().into_os_string()];
    let code = drive(
        &workspace,
        "demo",
        arguments.into_iter().chain(rest.iter().map(Into::into)),
    );
    give_back(&out)?;
    let code = code?;
    for name in ["report.html", "report.md", "report.json", "metrics.prom"] {
        let report = out.join(name);
        if report.is_file() {
            say(format_args!("report: {}", report.display()));
        }
    }
    // Whoever says what to play wants no more than that.
    let elsewhere = if rest.is_empty() {
        vm::perform(&workspace)
    } else {
        0
    };
    Ok(code.max(elsewhere))
}

/// Runs benchmarks and returns their exit code.
pub(crate) fn bench(arguments: &[String]) -> Result<u8> {
    drive(
        &Workspace::members()?,
        "bench",
        arguments.iter().map(Into::into),
    )
}

/// Gives a command the environment that programs run as root find their surroundings by.
pub(crate) fn surroundings(step: Step, workspace: &Workspace, profile: &str) -> Result<Step> {
    let temblor = workspace.program(profile, "temblor");
    Ok(step
        .env("PATH", workspace.path()?)
        .env("TEMBLOR_BIN", temblor))
}

fn drive(
    workspace: &Workspace,
    program: &str,
    arguments: impl Iterator<Item = OsString>,
) -> Result<u8> {
    ensure!(
        workspace.has_target(PACKAGE, "bin", program),
        "package {PACKAGE} has no program `{program}`"
    );
    setup::prepare(workspace, Purpose::Demo)?;
    build::binaries("release")
        .args(["--package", PACKAGE, "--bin", program])
        .run()?;
    let step = Step::new(workspace.program("release", program)).args(arguments);
    let status = surroundings(step, workspace, "release")?
        .into_root()?
        .status()?;
    // A signal leaves no code; any non-zero one says that it did not end well.
    Ok(status
        .code()
        .and_then(|code| code.try_into().ok())
        .unwrap_or(1))
}

/// Makes the caller own what root wrote.
fn give_back(folder: &Path) -> Result<()> {
    if is_root() || !folder.exists() {
        return Ok(());
    }
    let owner = format!("{}:{}", geteuid(), getegid());
    let step = Step::new("chown").args(["--recursive", &owner]).arg(folder);
    step.into_root()?
        .run()
        .context("take over the demo's files")
}
