//! QEMU, without KVM: the system's where it is new enough, else unpacked privately.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    exec::{Step, locate, say},
    setup::{Apt, Archives, installed},
    workspace::Workspace,
};

const PROGRAM: &str = "qemu-system-x86_64";

/// Guests of QEMU 7.2 crash in every second boot when their processors run in parallel.
const OLDEST: u32 = 10;

/// What is unpacked; of the dependencies only libraries and the firmware are needed.
const PACKAGES: &[&str] = &["qemu-system-x86", "qemu-system-common", "qemu-system-data"];
const FIRMWARE: &str = "seabios";

/// Backports of this machine's release, where the release itself has an old one.
const PREFERENCES: &str = "Package: *\nPin: release n=*-backports\nPin-Priority: 990\n";

/// An emulator to start.
#[derive(Clone, Debug)]
pub(crate) struct Emulator {
    program: PathBuf,
    /// Where everything of it is, unless it is the system's.
    root: Option<PathBuf>,
}

impl Emulator {
    /// Finds one, or unpacks one.
    pub(crate) fn get(workspace: &Workspace) -> Result<Self> {
        ensure!(
            cfg!(all(target_os = "linux", target_arch = "x86_64")),
            "guests are Linux for x86-64, and their programs are built here"
        );
        if let Some(program) = locate(PROGRAM)
            && is_new_enough(&program)
        {
            let root = None;
            return Ok(Self { program, root });
        }
        let root = workspace.guests().join("qemu");
        if !root.exists() {
            say("QEMU: unpacked privately");
            say("  why: boots other kernels than this machine's, for the tests");
            unpack(&workspace.guests(), &root).context("get QEMU")?;
        }
        Ok(Self {
            program: root.join("usr/bin").join(PROGRAM),
            root: Some(root),
        })
    }

    /// Its command, to which a machine is added.
    pub(crate) fn step(&self) -> Result<Step> {
        let step = Step::new(&self.program);
        let Some(root) = &self.root else {
            return Ok(step);
        };
        let share = root.join("usr/share");
        let firmware = ["qemu", "seabios"].map(|folder| share.join(folder));
        let step = firmware
            .iter()
            .fold(step, |step, folder| step.arg("-L").arg(folder));
        Ok(step.env("LD_LIBRARY_PATH", library_path(root)?))
    }
}

/// Where unpacked packages have their libraries.
pub(crate) fn library_path(root: &Path) -> Result<OsString> {
    let folders = ["usr/lib", "lib"].map(|folder| root.join(folder).join("x86_64-linux-gnu"));
    env::join_paths(folders).context("join folders of libraries")
}

fn is_new_enough(program: &Path) -> bool {
    let version = Step::new(program).arg("--version").read();
    version.is_ok_and(|text| major(&text) >= Some(OLDEST))
}

/// From `QEMU emulator version 10.0.2 (Debian …)`.
fn major(text: &str) -> Option<u32> {
    let (_, version) = text.split_once(" version ")?;
    version.split('.').next()?.parse().ok()
}

fn unpack(guests: &Path, root: &Path) -> Result<()> {
    let archives = Archives::of_this_machine()?;
    let codename = archives.codename();
    let suites = ["", "-updates", "-security", "-backports"];
    let suites = suites.map(|suffix| format!("{codename}{suffix}"));
    let sources = archives.describe(&suites.each_ref().map(String::as_str))?;
    let mut apt = Apt::of_sources(&guests.join("apt-qemu"), &sources, PREFERENCES)?;
    apt.update()?;
    let installed = installed()?;
    let wanted = |name: &str| {
        let library = name.starts_with("lib") && !installed.contains(name);
        PACKAGES.contains(&name) || name == FIRMWARE || library
    };
    let partial = root.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(|| format!("remove {}", partial.display()))?;
    }
    apt.unpack(PACKAGES, wanted, &partial)?;
    fs::rename(&partial, root).with_context(|| format!("name {}", root.display()))
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_version_is_read_from_what_it_says() {
        let said = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright";
        assert_eq!(major(said), Some(10));
        assert_eq!(major("no such thing"), None);
    }
}
