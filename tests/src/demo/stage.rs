//! The stage: a Redis with its replica, two clients, each in a network namespace of its own.
//!
//! Client A suffers. Client B does the same work on the same Redis and must never notice. The replica
//! is there to be frozen: only A reads from it, and everything else goes on without it.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use injector_core::plan::Hierarchy;
use injector_user::freezer::Flavour;
use injector_user::target::cgroup_of;
use procfs::process::Process;

use super::client::Load;
use super::guest::Guest;
use super::server::Server;
use crate::{Cgroup, World};

/// Everything the faults could reach. Fields go in this order: processes before their cgroups and
/// namespaces.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) a: Guest,
    pub(super) b: Guest,
    pub(super) replica: Server,
    _primary: Server,
    _a_cgroup: Cgroup,
    replica_cgroup: Cgroup,
    pub(super) world: World,
}

const PRIMARY: u16 = 6379;
const REPLICA: u16 = 6380;

impl Stage {
    pub(super) fn build(say: &dyn Fn(&str, String)) -> Result<Self> {
        let world = World::make()?;
        let (server, client, other) = (&world.server, &world.client, &world.other);
        say(
            "network",
            format!(
                "server {}, client A {}, client B {}: a namespace each",
                server.v4, client.v4, other.v4
            ),
        );
        let address = |port| SocketAddr::from((server.v4, port));
        let replica_cgroup = Cgroup::make(Flavour::V2, "replica")?;
        let a_cgroup = Cgroup::make(Flavour::V2, "client-a")?;
        let primary = Server::start(&server.netns, address(PRIMARY), None)?;
        let replica = Server::start(&server.netns, address(REPLICA), Some(primary.address()))?;
        replica_cgroup.enter(replica.pid())?;
        let version = super::server::version()?;
        say(
            "servers",
            format!("redis-server {version}, primary on port {PRIMARY}, replica on port {REPLICA}"),
        );
        let load = |key: &str, replica| Load {
            primary: primary.address(),
            replica,
            key: key.to_owned(),
        };
        let a = Guest::start(&client.netns, &load("a", Some(replica.address())))?;
        a_cgroup.enter(a.pid())?;
        let b = Guest::start(&other.netns, &load("b", None))?;
        say(
            "clients",
            "each 200 SET and GET a second on 8 connections, and 100 new connections a second;"
                .to_owned(),
        );
        say(
            "",
            "only A also reads from the replica, 100 GET a second".to_owned(),
        );
        Ok(Self {
            a,
            b,
            replica,
            _primary: primary,
            _a_cgroup: a_cgroup,
            replica_cgroup,
            world,
        })
    }

    /// Client A as a target.
    pub(super) fn client_a(&self) -> Result<String> {
        target(self.a.pid())
    }

    /// The replica as a target.
    pub(super) fn frozen(&self) -> Result<String> {
        target(self.replica.pid())
    }

    pub(super) fn replica_cgroup(&self) -> &Cgroup {
        &self.replica_cgroup
    }
}

/// The cgroup of a process as a target.
fn target(pid: i32) -> Result<String> {
    let path = cgroup_of(&Process::new(pid)?, &Hierarchy::V2)?;
    let path = path.with_context(|| format!("process {pid} is in no cgroup of version 2"))?;
    Ok(format!("cgroup:{path}"))
}
