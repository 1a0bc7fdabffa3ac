//! A world with an engine and people in it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::{FaultReport, State};
use temblor_tests::{
    Actor, Alone, Armed, Cli, Client, Engine, Flow, HostSnapshot, Node, World, alone, params,
    wait_until,
};

/// Longer than anything that is expected takes on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

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
        let engine = Engine::start_in(&world.host.netns)?;
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

    /// Arms a fault on it for a minute.
    pub(crate) fn arm(
        &self,
        client: &mut Client,
        kind: Kind,
        more: &[(&str, &str)],
    ) -> Result<Armed> {
        let target = self.client_netns();
        let basic = [("target", &*target), ("duration", "60s")];
        client.arm(kind, &params(basic.into_iter().chain(more.to_vec())))
    }

    /// Datagrams from the client to the server, by IPv4 or IPv6 (0 or 1).
    pub(crate) fn flow(&self, family: usize) -> Result<Flow> {
        self.flow_of(&self.world.client, family)
    }

    /// The same from somebody else.
    pub(crate) fn flow_of(&self, node: &Node, family: usize) -> Result<Flow> {
        let server = &self.world.server;
        Flow::open(&node.netns, &server.netns, server.addresses()[family])
    }

    /// The command line of somebody on the host.
    pub(crate) fn cli(&self) -> Cli<'_> {
        Cli::of(&self.engine, &self.world.host.netns)
    }

    /// Waits until so many of two datagrams of the client are answered.
    pub(crate) fn await_answers(&mut self, expected: usize) -> Result<()> {
        let (client, to) = (&mut self.client, self.echoes[0]);
        wait_until("as many are answered as expected", DEADLINE, || {
            let answered = client.datagrams(to, 2);
            answered.is_ok_and(|(answered, _)| answered.len() == expected)
        })?;
        Ok(())
    }

    /// Makes sure that the engine does nothing and knows of nothing to undo but its keeper's home.
    pub(crate) fn check_nothing_armed(&self) -> Result<()> {
        let (status, faults) = self.engine.client()?.status()?;
        assert_eq!((status.attached, faults), (0, vec![]));
        assert!(self.engine.undo_entries()?.len() <= 1);
        Ok(())
    }

    /// Ends the engine in order, unless it has ended already, and makes sure that it has left nothing.
    pub(crate) fn close(self) -> Result<()> {
        self.engine.end()?;
        self.before.await_same()
    }
}

/// Waits until a fault has ended by itself.
pub(crate) fn await_end(client: &mut Client, fault: &str) -> Result<FaultReport> {
    let mut last = None;
    let what = format!("{fault} ends by itself");
    wait_until(&what, DEADLINE, || {
        last = client.snapshot(fault).ok();
        let state = last.as_ref().map(|report| &report.state);
        matches!(
            state,
            Some(State::Ended { .. } | State::UndoIncomplete { .. })
        )
    })?;
    last.context("the engine has its report")
}
