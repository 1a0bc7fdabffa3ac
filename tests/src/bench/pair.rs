//! Two network namespaces joined by a pair of virtual Ethernet interfaces.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use nix::net::if_::if_nametoindex;

use crate::netns::Netns;
use crate::tool::fed;

/// Faults act where packets leave `near`.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) near: Netns,
    pub(super) far: Netns,
}

impl Pair {
    /// The interface of each side.
    pub(super) const INTERFACE: &'static str = "eth0";
    pub(super) const NEAR: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 1);
    pub(super) const FAR: Ipv4Addr = Ipv4Addr::new(10, 78, 0, 2);

    pub(super) fn make() -> Result<Self> {
        let (near, far) = (Netns::make("near")?, Netns::make("far")?);
        let interface = Self::INTERFACE;
        let link = format!(
            "link add {interface} type veth peer name {interface} netns {}\n",
            far.name()
        );
        fed("ip", &["-n", near.name(), "-batch", "-"], &link)?;
        for (netns, address) in [(&near, Self::NEAR), (&far, Self::FAR)] {
            let up = format!("addr add {address}/24 dev {interface}\nlink set {interface} up\n");
            fed("ip", &["-n", netns.name(), "-batch", "-"], &up)?;
        }
        Ok(Self { near, far })
    }

    /// An address at the far side.
    pub(super) fn far_port(port: u16) -> SocketAddr {
        (Self::FAR, port).into()
    }

    /// Target of a fault where packets leave the near side.
    pub(super) fn target(&self) -> String {
        format!("iface:{}@{}", Self::INTERFACE, self.near.name())
    }

    /// The number of the interface that they leave by.
    pub(super) fn near_index(&self) -> Result<u32> {
        Ok(self.near.inside(|| if_nametoindex(Self::INTERFACE))??)
    }
}
