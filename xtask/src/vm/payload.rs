//! Our programs for guests: linked statically, as a guest has nothing else.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::{
    build::{self, executable},
    workspace::Workspace,
};

/// The package of the tests, its programs and its test binaries.
const PACKAGE: &str = "temblor-tests";
const PROGRAMS: &[&str] = &["guest-init", "victim", "caller", "engine-double"];
const TESTS: &[&str] = &["host", "vm"];

/// Cargo's profile for them: see the workspace's manifest.
const PROFILE: &str = "guest";

/// Files by the names that they have in a guest.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) programs: Vec<(String, PathBuf)>,
}

impl Payload {
    /// Builds what is not built yet.
    pub(crate) fn build(workspace: &Workspace) -> Result<Self> {
        let mut step = build::static_binaries(PROFILE)?.args(["--package", PACKAGE]);
        for name in PROGRAMS {
            step = step.args(["--bin", name]);
        }
        for name in TESTS {
            step = step.args(["--test", name]);
        }
        let messages = step
            .arg("--message-format=json-render-diagnostics")
            .read_with_progress()?;
        let folder = build::static_folder(workspace, PROFILE)?;
        let program = |name: &&str| ((*name).to_owned(), folder.join(name));
        let mut programs: Vec<_> = ["temblor"].iter().chain(PROGRAMS).map(program).collect();
        for name in TESTS {
            let file = executable(&messages, name);
            let file = file.with_context(|| format!("find the test binary `{name}`"))?;
            programs.push(((*name).to_owned(), file));
        }
        Ok(Self { programs })
    }
}
