//! Packets that only pass through the target's namespace.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Result;
use injector_core::fault::Kind;
use temblor_tests::{Node, World, fed, params};

use super::scene::{Scene, briefly, check_lost, check_untouched, udp};

/// Lets the client's namespace send on what `other` sends to an address of the server's, and takes that
/// back with this value.
struct Router<'a> {
    world: &'a World,
}

/// An address of the server's beyond the client, in each family.
const BEYOND: [&str; 2] = ["10.99.0.1", "fd99::1"];
/// Settings of the client and of the other while it is so; a redirect would show a shorter way.
const FORWARDING: [(&str, &str, &str); 2] = [
    ("ipv4/ip_forward", "1", "0"),
    ("ipv6/conf/all/forwarding", "1", "0"),
];
const REDIRECTS: [(&str, &str, &str); 3] = [
    ("ipv4/conf/all/accept_redirects", "0", "1"),
    ("ipv4/conf/eth0/accept_redirects", "0", "1"),
    ("ipv6/conf/eth0/accept_redirects", "0", "1"),
];

impl<'a> Router<'a> {
    fn set(world: &'a World) -> Result<Self> {
        let router = Self { world };
        router.switch(true)?;
        Ok(router)
    }

    fn switch(&self, on: bool) -> Result<()> {
        let verb = if on { "add" } else { "del" };
        let World {
            server,
            client,
            other,
            ..
        } = self.world;
        let write = |(file, during, after): &(&str, &str, &str)| {
            let file = format!("/proc/sys/net/{file}");
            fs::write(file, if on { during } else { after })
        };
        client
            .netns
            .inside(|| FORWARDING.iter().try_for_each(write))??;
        other
            .netns
            .inside(|| REDIRECTS.iter().try_for_each(write))??;
        let [v4, v6] = BEYOND;
        let batch =
            |node: &Node, text: &str| fed("ip", &["-n", node.netns.name(), "-batch", "-"], text);
        let addresses = format!("addr {verb} {v4}/32 dev lo\naddr {verb} {v6}/128 dev lo\n");
        batch(server, &addresses)?;
        for (node, via) in [(client, server), (other, client)] {
            let routes = format!(
                "route {verb} {v4}/32 via {}\nroute {verb} {v6}/128 via {}\n",
                via.v4, via.v6
            );
            batch(node, &routes)?;
        }
        Ok(())
    }
}

impl Drop for Router<'_> {
    fn drop(&mut self) {
        // The snapshot says what has not been taken back.
        drop(self.switch(false));
    }
}

#[test]
fn what_is_sent_on_to_others_is_nobodys() -> Result<()> {
    let mut scene = Scene::set()?;
    let target = scene.target();
    let world = &scene.stage.world;
    let router = Router::set(world)?;
    let [v4, v6] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    for (beyond, any, own) in [
        (BEYOND[0], v4, IpAddr::from(world.client.v4)),
        (BEYOND[1], v6, world.client.v6.into()),
    ] {
        let far = scene
            .stage
            .server
            .echo(SocketAddr::new(beyond.parse()?, 0))?;
        // It listens at every address, at the very port.
        let near = scene.stage.client.echo(SocketAddr::new(any, far.port()))?;
        let near = SocketAddr::new(own, near.port());
        // There are no link-local addresses to ask for neighbours with: let them know each other.
        check_untouched(&udp(&mut scene.stage.client, far)?, "the next hop");
        for to in scene.stage.echoes {
            check_untouched(&udp(&mut scene.stage.other, to)?, "the way back");
        }
        check_untouched(&udp(&mut scene.stage.other, far)?, "it is sent on");
        for direction in ["in", "both"] {
            let what = format!("{direction} to {far}");
            let given = [
                ("target", &*target),
                ("duration", "60s"),
                ("direction", direction),
            ];
            let armed = scene.engine.arm(Kind::NetLoss, &params(given))?;
            let outside = &mut scene.stage.other;
            check_untouched(&udp(outside, far)?, &what);
            check_untouched(&outside.tcp_times(far, 3)?, &what);
            check_lost(&briefly(outside, near)?, &what);
            scene.engine.stop_one(&armed)?;
            check_untouched(&udp(&mut scene.stage.other, near)?, &what);
        }
    }
    drop(router);
    scene.close()
}
