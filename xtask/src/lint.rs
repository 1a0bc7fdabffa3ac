//! `cargo xtask lint`: rustfmt, clippy and rustdoc on every package, warnings are errors.

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    exec::{Step, cargo},
    test::Counts,
    workspace::Workspace,
};

/// Run rustfmt, clippy and rustdoc on every package; warnings are errors.
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

fn steps(fix: bool) -> [Step; 4] {
    let format = cargo().args(["fmt", "--all"]);
    let user_space = ["--workspace", "--exclude", "injector-ebpf"];
    let strictly = ["--", "--deny", "warnings"];
    [
        if fix { format } else { format.arg("--check") },
        cargo()
            .arg("clippy")
            .args(user_space)
            .arg("--all-targets")
            .args(strictly),
        // The kernel programs have no test harness, and only the release profile gives programs
        // without `std` the panic strategy that they need to be checked for the host.
        cargo()
            .args(["clippy", "--release", "--package", "injector-ebpf"])
            .args(["--lib", "--bins"])
            .args(strictly),
        cargo()
            .args(["doc", "--no-deps", "--document-private-items"])
            .args(user_space)
            .env("RUSTDOCFLAGS", "--deny warnings"),
    ]
}
