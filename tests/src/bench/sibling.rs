//! What `redis-benchmark` gets from a `redis-server` that nobody is to harm, while a fault of every kind
//! is armed on somebody else.
//!
//! Server and `redis-benchmark` are in a network namespace of their own and talk over its loopback
//! interface: GET and SET of 3 bytes, 50 connections; the figure is what both commands do in a second,
//! on average. The target is a process that sleeps, so that what faults do to it takes no time from the
//! others or gives them any. Twice: the target in a namespace of its own; and in the same namespace in a
//! cgroup of its own, where every packet of the server's passes the programs and is told apart by the
//! cgroup of its socket. Rounds with and without the faults come in pairs.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use anyhow::{Result, ensure};
use injector_user::freezer::Flavour;
use injector_user::protocol::Which;

use super::every::{fault, to_anybody};
use super::pairs::Pairs;
use super::redis::requests;
use super::row::Rows;
use super::suite::Effort;
use crate::cgroup::Cgroup;
use crate::client::Client;
use crate::demo::Server;
use crate::engine::Engine;
use crate::netns::Netns;

const PAIRS: usize = 15;
/// Requests of each command in a round.
const REQUESTS: usize = 60_000;
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7_006);
/// Of what the server does without faults.
const AIM: f64 = 0.98;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let (own, other) = (Netns::make("sibling")?, Netns::make("target")?);
    let server = Server::start(&own, ADDRESS, None)?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let mut rows = Rows::new();
    for (metric, netns) in [
        ("redis, every fault in another namespace", &other),
        ("redis, every fault on its namespace's neighbour", &own),
    ] {
        let target = Target::start(netns)?;
        let pairs = Pairs::measure(effort, effort.rounds(PAIRS), metric, |with| {
            if with {
                target.suffer(&mut client)?;
            }
            let rate = requests(&own, ADDRESS, REQUESTS)?;
            let ended = client.stop(Which::Mine)?;
            ensure!(ended.len() == if with { to_anybody().count() } else { 0 });
            Ok(rate)
        })?;
        rows.push(pairs.row(metric, "1/s", AIM));
    }
    drop(server);
    Ok(rows)
}

/// Somebody asleep in a cgroup of its own.
struct Target {
    sleeper: Child,
    cgroup: Cgroup,
}

impl Target {
    fn start(netns: &Netns) -> Result<Self> {
        let cgroup = Cgroup::make(Flavour::V2, &format!("sibling-{}", netns.name()))?;
        let mut command = Command::new("sleep");
        command.arg("infinity").stdin(Stdio::null());
        let sleeper = netns.spawn(command)?;
        let target = Self { sleeper, cgroup };
        target.cgroup.enter(target.sleeper.id().cast_signed())?;
        Ok(target)
    }

    /// Arms every kind of fault on it.
    fn suffer(&self, client: &mut Client) -> Result<()> {
        for kind in to_anybody() {
            client.arm(kind, &fault(kind, &self.cgroup.target(), "5m"))?;
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // One that has ended already is as good; the cgroup is thawed and removed after it.
        let _ended = self.sleeper.kill().and_then(|()| self.sleeper.wait());
    }
}
