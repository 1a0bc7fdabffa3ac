//! A small network that touches nothing of the machine's: a host, a server and two clients at a bridge.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::netns::Netns;
use crate::tool::{fed, tool, tool_if_any};
use crate::wait_until;

/// Longer than the kernel takes to tell that a link is up.
const DEADLINE: Duration = Duration::from_secs(10);

/// A host for the engine, a server, a client and an unconcerned other client, each in a namespace of its own with both
/// families' addresses; the bridge that joins them is in a fifth. No addresses but ours: nothing changes
/// by itself.
#[derive(Debug)]
pub struct World {
    pub host: Node,
    pub server: Node,
    pub client: Node,
    pub other: Node,
    bridge: Netns,
}

/// A namespace with one Ethernet interface, [`Node::INTERFACE`].
#[derive(Debug)]
pub struct Node {
    pub netns: Netns,
    pub v4: Ipv4Addr,
    pub v6: Ipv6Addr,
}

impl World {
    pub fn make() -> Result<Self> {
        let bridge = Netns::make("bridge")?;
        let br = bridge.name();
        fed(
            "ip",
            &["-n", br, "-batch", "-"],
            "link add br0 type bridge mcast_snooping 0\n\
             link set br0 addrgenmode none\n\
             link set br0 up\n",
        )?;
        let server = Node::make("server", 1, &bridge)?;
        let client = Node::make("client", 2, &bridge)?;
        let other = Node::make("other", 3, &bridge)?;
        let host = Node::make("host", 4, &bridge)?;
        // It is told a while after its first port: until then a snapshot is of something half made.
        wait_until("the bridge is up", DEADLINE, || {
            tool_if_any("ip", &["-n", br, "link", "show", "br0"]).contains("state UP")
        })?;
        Ok(Self {
            host,
            server,
            client,
            other,
            bridge,
        })
    }

    /// The names of all its namespaces.
    pub fn names(&self) -> Vec<&str> {
        let nodes = [&self.host, &self.server, &self.client, &self.other];
        let names = nodes.into_iter().map(|node| node.netns.name());
        names.chain([self.bridge.name()]).collect()
    }
}

impl Node {
    pub const INTERFACE: &'static str = "eth0";

    fn make(name: &str, number: u8, bridge: &Netns) -> Result<Self> {
        let netns = Netns::make(name)?;
        let (ns, br) = (netns.name(), bridge.name());
        let v4 = Ipv4Addr::new(10, 77, 0, number);
        let v6 = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, number.into());
        let interface = Self::INTERFACE;
        let port = format!("port{number}");
        fed(
            "ip",
            &["-n", br, "-batch", "-"],
            &format!(
                "link add {port} type veth peer name {interface} netns {ns}\n\
                 link set {port} master br0 addrgenmode none\n\
                 link set {port} up\n"
            ),
        )?;
        fed(
            "ip",
            &["-n", ns, "-batch", "-"],
            &format!(
                "link set {interface} addrgenmode none\n\
                 addr add {v4}/24 dev {interface}\n\
                 addr add {v6}/64 dev {interface} nodad\n\
                 link set {interface} up\n"
            ),
        )?;
        Ok(Self { netns, v4, v6 })
    }

    /// Its Ethernet address.
    pub fn link_address(&self) -> Result<String> {
        let place = ["-n", self.netns.name(), "-brief", "link", "show"];
        let shown = tool("ip", &[&place[..], &[Self::INTERFACE]].concat())?;
        // Name, state, address, flags.
        let address = shown.split_whitespace().nth(2);
        Ok(address.context("an interface has one")?.to_owned())
    }

    /// Its address in each family.
    pub fn addresses(&self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }
}
