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
