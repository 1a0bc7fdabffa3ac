//! What tests take for granted on a host.

use std::fs;

use anyhow::{Context as _, Result};
use nix::unistd::sethostname;
use temblor_tests::tool;

/// Settings of the kernel, with a machine in mind that is eight times slower and shares its host.
const SETTINGS: &[(&str, &str)] = &[
    ("kernel/hung_task_timeout_secs", "60"),
    ("kernel/watchdog_thresh", "60"),
];

pub(crate) fn make() -> Result<()> {
    sethostname("guest")?;
    fs::create_dir_all("/run/lock").context("create /run/lock")?;
    tool("ip", &["link", "set", "lo", "up"])?;
    for (name, value) in SETTINGS {
        let path = format!("/proc/sys/{name}");
        // Not every kernel was built with every watchdog.
        if fs::exists(&path)? {
            fs::write(&path, value).with_context(|| path.clone())?;
        }
    }
    Ok(())
}
