//! A world with an engine and people in it.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use temblor_tests::{Actor, Alone, Engine, HostSnapshot, World, alone};

/// Two clients of one server that echoes, and an engine that has nothing to do yet.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) server: Actor,
    pub(crate) client: Actor,
    pub(crate) other: Actor,
    /// Where the server echoes, in both families, by datagrams and TCP.
    pub(crate) echoes: [SocketAddr; 2],
    pub(crate) world: World,
    before: HostSnapshot,
    _alone: Alone,
}

impl Stage {
    pub(crate) fn set() -> Result<Self> {
        let alone = alone()?;
        let world = World::make()?;
        let mut server = Actor::start_in(&world.server.netns)?;
        let client = Actor::start_in(&world.client.netns)?;
        let other = Actor::start_in(&world.other.netns)?;
        let mut echoes = Vec::new();
        for ip in world.server.addresses() {
            echoes.push(server.echo(SocketAddr::new(ip, 0))?);
        }
        let before = HostSnapshot::take(&world.names())?;
        let engine = Engine::start()?;
        Ok(Self {
            engine,
            server,
            client,
            other,
            echoes: echoes.try_into().ok().context("two families")?,
            world,
            before,
            _alone: alone,
        })
    }

    /// The client's namespace as a target.
    pub(crate) fn client_netns(&self) -> String {
        format!("netns:{}", self.world.client.netns.name())
    }

    /// Ends the engine in order and makes sure that it has left nothing.
    pub(crate) fn close(self) -> Result<()> {
        self.engine.end()?;
        self.before.await_same()
    }
}
