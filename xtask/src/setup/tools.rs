//! Programs that run beside ours: the system's where it has them, else unpacked privately, with a
//! starter that finds their libraries.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    exec::{locate, say},
    setup::{
        apt::{self, Apt},
        packages::{Purpose, TOOLS, Tool},
    },
    workspace::Workspace,
};

/// Makes every tool of that purpose available in `<target>/tools/bin` or on the system's `PATH`.
pub(crate) fn install(workspace: &Workspace, apt: &mut Apt, purpose: Purpose) -> Result<()> {
    let tools = workspace.tools();
    let missing: Vec<_> = TOOLS
        .iter()
        .filter(|tool| tool.serves(purpose))
        .filter(|tool| absent(&tools, tool))
        .collect();
    if missing.is_empty() {
        say("tools: present");
        return Ok(());
    }
    for tool in &missing {
        say(format_args!(
            "tool: {:<13} from {:<12} {}",
            tool.program, tool.package, tool.why
        ));
    }
    if !Apt::exists() {
        let names: Vec<_> = missing.iter().map(|tool| tool.program).collect();
        bail!(
            "no `apt-get` here; hint: install {} and try again",
            names.join(", ")
        );
    }
    let mut packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    packages.dedup();
    let installed = apt::installed()?;
    // Of the dependencies only libraries matter to programs that are unpacked, not installed.
    let library = |name: &str| name.starts_with("lib") && !name.ends_with("-perl");
    let wanted =
        |name: &str| packages.contains(&name) || library(name) && !installed.contains(name);
    let root = tools.join("root");
    apt.unpack(&packages, wanted, &root)?;
    missing
        .iter()
        .try_for_each(|tool| starter(&tools, &root, tool))
}

fn absent(tools: &Path, tool: &Tool) -> bool {
    locate(tool.program).is_none() && !tools.join("bin").join(tool.program).exists()
}

/// Writes the script that starts an unpacked program as if it were installed.
fn starter(tools: &Path, root: &Path, tool: &Tool) -> Result<()> {
    let folders = ["usr/bin", "usr/sbin", "bin", "sbin"].map(|folder| root.join(folder));
    let file = folders
        .into_iter()
        .map(|folder| folder.join(tool.file))
        .find(|file| file.exists());
    let file = file.with_context(|| format!("find {} in package {}", tool.file, tool.package))?;
    let libraries = libraries(root)?;
    let plugins = libraries
        .iter()
        .map(|folder| folder.join("xtables"))
        .find(|folder| folder.exists());
    let plugins = plugins.map(|folder| format!("export XTABLES_LIBDIR='{}'\n", folder.display()));
    let libraries: Vec<_> = libraries
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    let script = format!(
        "#!/bin/sh\n{}export LD_LIBRARY_PATH='{}'\nexec '{}' \"$@\"\n",
        plugins.unwrap_or_default(),
        libraries.join(":"),
        file.display()
    );
    let path = tools.join("bin").join(tool.program);
    write_executable(&path, &script).with_context(|| format!("write {}", path.display()))
}

/// Folders such as `usr/lib/x86_64-linux-gnu` of the unpacked packages.
fn libraries(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for parent in [root.join("usr/lib"), root.join("lib")] {
        if !parent.exists() {
            continue;
        }
        for entry in fs::read_dir(&parent).with_context(|| format!("list {}", parent.display()))? {
            let path = entry?.path();
            if path.to_string_lossy().contains("-linux-gnu") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn write_executable(path: &Path, script: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, script)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}
