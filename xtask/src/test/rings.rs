//! The rings, from the fastest to the one that needs root.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use crate::{
    build, drive,
    exec::{Heard, Step, cargo, is_root, locate},
    lint,
    test::Counts,
    tidy, vm,
    workspace::Workspace,
};

/// A set of tests with the same needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Ring {
    /// Conventions of this repository.
    Tidy,
    /// rustfmt, clippy and rustdoc.
    Lint,
    /// Unit and property tests: no privileges.
    Pure,
    /// Real faults on real processes of this host: root.
    Host,
    /// Some of those, and others, on other kernels in emulated machines.
    Vm,
}

/// What became of a ring.
#[derive(Debug)]
pub(crate) enum Outcome {
    Ran(Counts),
    /// It could not even start, for this reason.
    NotRun(String),
}

/// Packages whose tests need nothing.
const PURE: &[&str] = &["injector-abi", "injector-core", "injector-user", "xtask"];

/// The package and the name of the host ring's test binary.
const HOST: (&str, &str) = ("temblor-tests", "host");

impl Ring {
    /// Runs it; `filters` go to the test runners of `pure` and `host`.
    pub(crate) fn run(self, workspace: &Workspace, filters: &[String]) -> Result<Outcome> {
        match self {
            Self::Tidy => tidy::run().map(Outcome::Ran),
            Self::Lint => lint::checks(&lint::Arguments::default()).map(Outcome::Ran),
            Self::Pure => pure(filters).map(Outcome::Ran),
            Self::Host => host(workspace, filters),
            Self::Vm => vm::ring(workspace),
        }
    }
}

fn pure(filters: &[String]) -> Result<Counts> {
    let packages = || PURE.iter().flat_map(|name| ["--package", name]);
    if locate("cargo-nextest").is_none() {
        let test = cargo()
            .arg("test")
            .args(packages())
            .args(["--no-fail-fast", "--"]);
        return Ok(counted(&test.args(filters).hear()?));
    }
    let nextest = cargo()
        .args(["nextest", "run", "--no-tests=pass"])
        .args(packages());
    let mut counts = counted(&nextest.args(filters).hear()?);
    // nextest leaves the examples in documentation out.
    let doc = cargo().args(["test", "--doc", "--no-fail-fast"]);
    let libraries = packages().take(2 * (PURE.len() - 1));
    counts.merge(counted(
        &doc.args(libraries).arg("--").args(filters).hear()?,
    ));
    Ok(counts)
}

fn host(workspace: &Workspace, filters: &[String]) -> Result<Outcome> {
    if let Some(reason) = obstacle(workspace) {
        return Ok(Outcome::NotRun(reason));
    }
    let binary = host_binary()?;
    // One thread: the tests share the host's kernel and its one engine.
    let step = Step::new(binary).arg("--test-threads=1").args(filters);
    let step = drive::surroundings(step, workspace, "debug")?;
    let heard = step.dir(workspace.root()).into_root()?.hear()?;
    Ok(Outcome::Ran(counted(&heard)))
}

/// Why the host ring cannot run on this machine.
fn obstacle(workspace: &Workspace) -> Option<String> {
    let (package, test) = HOST;
    if !cfg!(target_os = "linux") {
        return Some("faults need Linux".to_owned());
    }
    if !workspace.has_target(package, "test", test) {
        return Some(format!("package {package} has no test binary `{test}`"));
    }
    if !is_root() && locate("sudo").is_none() {
        return Some("it needs root, and there is no `sudo`".to_owned());
    }
    None
}

/// Builds `temblor` and the host ring without privileges, and returns the ring's binary.
fn host_binary() -> Result<PathBuf> {
    let (package, test) = HOST;
    let messages = build::binaries("debug")
        .args(["--package", package, "--test", test])
        .arg("--message-format=json-render-diagnostics")
        .read_with_progress()?;
    build::executable(&messages, test).with_context(|| format!("find the test binary `{test}`"))
}

/// Reads the counts; a runner that failed without saying how many counts as one failure.
fn counted(heard: &Heard) -> Counts {
    let mut counts = Counts::heard(&heard.text);
    if !heard.status.success() && counts.failed == 0 {
        counts.failed = 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

    use super::{Heard, counted};

    #[test]
    fn a_runner_that_dies_silently_is_a_failure() {
        let failed = |code: i32, text: &str| {
            // What `wait` reports holds the exit code in its second byte.
            let status = ExitStatus::from_raw(code << 8);
            let text = text.to_owned();
            counted(&Heard { status, text }).failed
        };
        assert_eq!(failed(101, ""), 1);
        assert_eq!(failed(0, ""), 0);
        let reported = "test result: FAILED. 1 passed; 2 failed; 0 ignored";
        assert_eq!(failed(101, reported), 2);
    }
}
