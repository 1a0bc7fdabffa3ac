//! What is in it.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{cpio::Archive, libraries};
use crate::{
    exec::Step,
    vm::{kernels::Kernel, payload::Payload},
    workspace::Workspace,
};

/// Programs of the tests and those they look with; the same for all guests.
const TOOLS: &[&str] = &["ip", "tc", "strace"];

/// Who lives there.
const FILES: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
    ),
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost guest\n::1 localhost\n"),
    (
        "etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files\n",
    ),
    ("etc/os-release", "ID=temblor-guest\n"),
];

const FOLDERS: &[&str] = &["proc", "sys", "dev", "run", "tmp", "root", "var/tmp", "mnt"];

/// The part that is the same for all guests.
pub(crate) fn base(workspace: &Workspace, payload: &Payload) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    for path in FOLDERS {
        archive.folder(path);
    }
    // Without it the first process would have nowhere to complain.
    archive.device("dev/console", 5, 1);
    for (path, content) in FILES {
        archive.file(path, content.as_bytes());
    }
    libraries::add(&mut archive, workspace, TOOLS)?;
    shell(&mut archive, workspace)?;
    for (name, file) in &payload.programs {
        let content = fs::read(file).with_context(|| format!("read {}", file.display()))?;
        archive.file(&format!("bin/{name}"), &content);
        // Tests know some of them by where cargo has put them.
        let place = file.display().to_string();
        archive.link(place.trim_start_matches('/'), &format!("/bin/{name}"));
    }
    archive.link("init", "bin/guest-init");
    Ok(archive.finish())
}

/// The part for one guest: its kernel's modules and its orders, whose `modules` are filled in.
pub(crate) fn for_guest(kernel: &Kernel, mut order: Value) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    let mut paths = Vec::new();
    let modules = kernel.modules();
    for module in modules.with_context(|| format!("modules of kernel {}", kernel.name))? {
        let path = format!("lib/modules/{}.ko", module.name);
        archive.file(&path, &module.content);
        paths.push(Value::from(format!("/{path}")));
    }
    order["modules"] = paths.into();
    archive.file("order.json", order.to_string().as_bytes());
    Ok(archive.finish())
}

/// A shell and its company, of which each is another name of one program.
fn shell(archive: &mut Archive, workspace: &Workspace) -> Result<()> {
    let Some(busybox) = libraries::find(workspace, "busybox") else {
        return Ok(());
    };
    let names = Step::new(&busybox).arg("--list").read()?;
    let taken = |name: &str| TOOLS.contains(&name);
    for name in names
        .lines()
        .filter(|name| !taken(name) && *name != "busybox")
    {
        archive.link(&format!("bin/{name}"), "busybox");
    }
    let content = fs::read(&busybox).with_context(|| format!("read {}", busybox.display()))?;
    archive.file("bin/busybox", &content);
    Ok(())
}
