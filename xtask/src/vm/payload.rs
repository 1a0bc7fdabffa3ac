//! Our programs for guests: linked statically, as a guest has nothing else.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::{
    build::{self, executable},
    workspace::Workspace,
};

/// The package of the tests.
const PACKAGE: &str = "temblor-tests";

/// The first process of every guest.
const INIT: &str = "guest-init";

/// What a guest is for: which programs and test binaries it needs beside `temblor` and its first process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose {
    programs: &'static [&'static str],
    tests: &'static [&'static str],
}

impl Purpose {
    /// To run tests, or to look around.
    pub(crate) const TEST: Self = Self {
        programs: &["victim", "caller", "engine-double"],
        tests: &["host", "vm"],
    };
    /// To measure.
    pub(crate) const BENCH: Self = Self {
        programs: &["bench"],
        tests: &[],
    };
    /// To play a part of the demo.
    pub(crate) const DEMO: Self = Self {
        programs: &["demo"],
        tests: &[],
    };
}

/// Cargo's profile for them: see the workspace's manifest.
const PROFILE: &str = "guest";

/// Files by the names that they have in a guest.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) programs: Vec<(String, PathBuf)>,
}

impl Payload {
    /// Builds what is not built yet.
    pub(crate) fn build(workspace: &Workspace, purpose: Purpose) -> Result<Self> {
        let Purpose { programs, tests } = purpose;
        let mut step = build::static_binaries(PROFILE)?.args(["--package", PACKAGE]);
        for name in [INIT].iter().chain(programs) {
            step = step.args(["--bin", name]);
        }
        for name in tests {
            step = step.args(["--test", name]);
        }
        let messages = step
            .arg("--message-format=json-render-diagnostics")
            .read_with_progress()?;
        let folder = build::static_folder(workspace, PROFILE)?;
        let program = |name: &&str| ((*name).to_owned(), folder.join(name));
        let all = ["temblor", INIT];
        let mut programs: Vec<_> = all.iter().chain(programs).map(program).collect();
        for name in tests {
            let file = executable(&messages, name);
            let file = file.with_context(|| format!("find the test binary `{name}`"))?;
            programs.push(((*name).to_owned(), file));
        }
        Ok(Self { programs })
    }
}
