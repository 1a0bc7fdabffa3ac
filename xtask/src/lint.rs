//! `cargo xtask lint`: rustfmt and clippy on every package, warnings are errors.

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    exec::{Step, cargo},
    test::Counts,
    workspace::Workspace,
};

/// Run rustfmt and clippy on every package; warnings are errors.
#[derive(Args, Debug, Default)]
#[command(
    after_help = "Examples:\n  cargo xtask lint\n  cargo xtask lint --fix    format, then check"
)]
pub(crate) struct Arguments {
    /// Format instead of only checking the format.
    #[arg(long)]
    fix: bool,
}

/// Runs every check, also after one failed, and fails if any did.
pub(crate) fn run(arguments: &Arguments) -> Result<Counts> {
    let counts = checks(arguments)?;
    ensure!(
        counts.failed == 0,
        "{} of the lint checks failed; hint: `cargo xtask lint --fix` formats",
        counts.failed
    );
    Ok(counts)
}

/// The same, counted.
pub(crate) fn checks(arguments: &Arguments) -> Result<Counts> {
    let workspace = Workspace::members()?;
    let mut counts = Counts::default();
    for step in steps(arguments.fix) {
        let passed = step.dir(workspace.root()).status()?.success();
        counts.add(passed);
    }
    Ok(counts)
}

fn steps(fix: bool) -> [Step; 3] {
    let format = cargo().args(["fmt", "--all"]);
    let clippy = || cargo().arg("clippy");
    let strictly = ["--", "--deny", "warnings"];
    [
        if fix { format } else { format.arg("--check") },
        clippy()
            .args(["--workspace", "--exclude", "injector-ebpf", "--all-targets"])
            .args(strictly),
        // The kernel programs have no test harness: libraries and binaries only.
        clippy()
            .args(["--package", "injector-ebpf", "--lib", "--bins"])
            .args(strictly),
    ]
}
