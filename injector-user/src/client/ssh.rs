//! The SSH connection over which the caller sits, which a fault must not cut.

use std::env;

use procfs::process::Process;

const NAME: &str = "SSH_CONNECTION";

/// `SSH_CONNECTION` of this process, or of the nearest one above it that has it: `sudo` clears the
/// environment. None if nobody has it or may be looked at.
pub fn connection_of_caller() -> Option<String> {
    if let Ok(value) = env::var(NAME) {
        return Some(value);
    }
    let mut process = Process::myself().ok()?;
    loop {
        let parent = process.stat().ok()?.ppid;
        if parent <= 1 {
            return None;
        }
        process = Process::new(parent).ok()?;
        let value = process
            .environ()
            .ok()
            .and_then(|mut all| all.remove(std::ffi::OsStr::new(NAME)));
        if let Some(value) = value {
            return value.into_string().ok();
        }
    }
}
