//! A TAP device in somebody's network namespace that nothing there talks to.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

use nix::net::if_::if_nametoindex;

use crate::sys::{netns, tun};

/// The device and its index in its namespace.
#[derive(Debug)]
pub struct Tap {
    pub(super) device: File,
    pub ifindex: u32,
    pub name: String,
}

/// Why there is no device.
#[derive(Debug, thiserror::Error)]
#[error("failed to make TAP device `{name}`")]
pub struct TapError {
    name: String,
    #[source]
    source: io::Error,
}

/// Packets the kernel keeps for us while we are busy: a bulk flow's worth.
const QUEUE: i32 = 16_384;

/// The name of the device of this process' line at `position`, at most 15 bytes.
pub fn name_at(position: u32) -> String {
    format!("{PREFIX}{:x}.{position:x}", std::process::id())
}

/// Whether an interface is some line's device, which is nobody's to send through.
pub fn is_line(name: &str) -> bool {
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.strip_prefix(PREFIX)
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(process, position)| hex(process) && hex(position))
}

const PREFIX: &str = "tmb";

impl Tap {
    /// Makes `name` in `namespace` and brings it up, without an address of either family.
    pub fn create(namespace: BorrowedFd<'_>, name: &str) -> Result<Self, TapError> {
        let made = netns::within(namespace, || {
            let device = tun::create(name)?;
            be_silent(name)?;
            tun::bring_up(name, QUEUE)?;
            Ok((device, if_nametoindex(name)?))
        });
        let (device, ifindex) = made.flatten().map_err(|source| TapError {
            name: name.to_owned(),
            source,
        })?;
        Ok(Self {
            device,
            ifindex,
            name: name.to_owned(),
        })
    }
}

/// Keeps the namespace from speaking IPv6 to its new interface. Without IPv6 there is nothing to do.
fn be_silent(name: &str) -> io::Result<()> {
    match std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "1") {
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_line, name_at};

    #[test]
    fn a_lines_device_is_known_by_its_name_and_others_are_not() {
        // The largest position of all.
        let name = name_at(injector_abi::net::LINES - 1);
        assert!(is_line(&name) && name.len() <= 15, "{name}");
        for other in [
            "eth0", "tmb", "tmb1", "tmb1.", "tmb.1", "tmbx.1", "tmb1.2.3",
        ] {
            assert!(!is_line(other), "{other}");
        }
    }
}
