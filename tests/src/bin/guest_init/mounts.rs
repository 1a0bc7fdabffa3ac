//! File systems that a host has mounted by its own first process.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::mount::{MsFlags, mount};

use crate::order::Cgroups;
use crate::say::Said;

const CGROUPS: &str = "/sys/fs/cgroup";

/// What the line to the host needs.
pub(crate) fn devices() -> Result<()> {
    at("proc", "/proc", "")?;
    at("sysfs", "/sys", "")?;
    at("devtmpfs", "/dev", "mode=755")?;
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        let link = Path::new("/dev").join(name);
        if !link.exists() {
            symlink(target, &link).with_context(|| link.display().to_string())?;
        }
    }
    Ok(())
}

/// Everything else. What this kernel does not have is told, not fatal: tests say what they miss.
pub(crate) fn rest(cgroups: Cgroups, said: &Said) -> Result<()> {
    at("tmpfs", "/run", "mode=755")?;
    // The programs may be below it, so that nothing is mounted there.
    fs::set_permissions("/tmp", Permissions::from_mode(0o1777)).context("open /tmp to all")?;
    for (kind, point, options) in [
        ("devpts", "/dev/pts", "mode=620,ptmxmode=666"),
        ("tmpfs", "/dev/shm", "mode=1777"),
        ("tracefs", "/sys/kernel/tracing", ""),
        ("debugfs", "/sys/kernel/debug", ""),
        ("securityfs", "/sys/kernel/security", ""),
        ("bpf", "/sys/fs/bpf", "mode=700"),
    ] {
        tell(at(kind, point, options), said)?;
    }
    match cgroups {
        Cgroups::V2 => v2(CGROUPS),
        Cgroups::V1 => v1(said),
        Cgroups::Hybrid => v1(said).and_then(|()| v2(&format!("{CGROUPS}/unified"))),
    }
}

/// Real software, and a file system whose `fsync` means something.
pub(crate) fn disk(said: &Said) -> Result<()> {
    fs::create_dir_all("/disk")?;
    let none: Option<&str> = None;
    let mounted = mount(
        Some("/dev/vda"),
        "/disk",
        Some("ext4"),
        MsFlags::empty(),
        none,
    );
    tell(mounted.context("disk"), said)?;
    read(Path::new("/disk")).context("read the disk")
}

/// Brings all that is there into memory. A guest's clock skips what its processors wait for, so that
/// it runs away while they wait for the disk: a server would have no time to start.
fn read(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read(&entry.path())?;
        } else if kind.is_file() {
            io::copy(&mut File::open(entry.path())?, &mut io::sink())?;
        }
    }
    Ok(())
}

/// The one hierarchy, with every controller that no other has.
fn v2(point: &str) -> Result<()> {
    at("cgroup2", point, "nsdelegate")?;
    let controllers = fs::read_to_string(format!("{point}/cgroup.controllers"))?;
    for controller in controllers.split_whitespace() {
        let path = format!("{point}/cgroup.subtree_control");
        fs::write(&path, format!("+{controller}"))
            .with_context(|| format!("{controller} {path}"))?;
    }
    Ok(())
}

/// A hierarchy for each controller, and the named one that a service manager would have.
fn v1(said: &Said) -> Result<()> {
    at("tmpfs", CGROUPS, "mode=755")?;
    let table = fs::read_to_string("/proc/cgroups")?;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<_> = line.split_whitespace().collect();
        if let [name, .., enabled] = words[..]
            && enabled == "1"
        {
            tell(at("cgroup", &format!("{CGROUPS}/{name}"), name), said)?;
        }
    }
    at("cgroup", &format!("{CGROUPS}/systemd"), "none,name=systemd")
}

fn tell(mounted: Result<()>, said: &Said) -> Result<()> {
    match mounted {
        Ok(()) => Ok(()),
        Err(error) => said.line(&format!("note no {error:#}")),
    }
}

fn at(kind: &str, point: &str, options: &str) -> Result<()> {
    let about = || format!("{kind} at {point}");
    // In some pseudo file systems the kernel makes the folder, or nobody can.
    if !Path::new(point).exists() {
        fs::create_dir_all(point).with_context(about)?;
    }
    mount(
        Some(kind),
        point,
        Some(kind),
        MsFlags::empty(),
        Some(options),
    )
    .with_context(about)
}
