//! The real Chaos Toolkit, which `temblor run` is compared with.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::{
    exec::{Step, locate, say},
    setup::packages::Purpose,
    workspace::Workspace,
};

/// What is installed, from Python's own index.
const PACKAGES: &[&str] = &["chaostoolkit==1.19.0", "chaostoolkit-lib[jsonpath]==1.44.0"];

/// Makes `chaos` available in `<target>/tools/bin`, in a virtual environment of its own.
pub(crate) fn install(workspace: &Workspace, purpose: Purpose) -> Result<()> {
    let tools = workspace.tools();
    let (folder, link) = (tools.join("chaostoolkit"), tools.join("bin/chaos"));
    if purpose == Purpose::Demo || link.exists() {
        return Ok(());
    }
    say(format_args!(
        "tool: chaos         from PyPI         tests: the same experiments, run by the original"
    ));
    if locate("python3").is_none() {
        bail!("no `python3` here; hint: install python3 and python3-venv and try again");
    }
    // What an earlier attempt left would be taken for whole.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    let made = Step::new("python3").args(["-m", "venv"]).arg(&folder).run();
    made.context("make a virtual environment; hint: install python3-venv")?;
    let pip = folder.join("bin/pip");
    let quiet = ["install", "--quiet", "--disable-pip-version-check"];
    Step::new(pip).args(quiet).args(PACKAGES).run()?;
    fs::create_dir_all(tools.join("bin"))?;
    std::os::unix::fs::symlink(folder.join("bin/chaos"), &link)
        .with_context(|| format!("link {}", link.display()))
}
