//! A Docker Engine with containers, an engine beside it, and a server.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use temblor_tests::{
    Actor, Alone, Armed, Client, Docker, Engine, HostSnapshot, alone, params, wait_until,
};

use crate::feel::suffers;
use crate::stage::DEADLINE;

pub(super) const PULSES: [(&str, &str); 3] =
    [("active", "300ms"), ("dormant", "100ms"), ("count", "2")];

/// A Docker Engine with two containers of its bridge, an engine beside it, and a server on the host.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) engine: Engine,
    pub(super) server: Actor,
    pub(super) echo: SocketAddr,
    pub(super) web: Actor,
    pub(super) db: Actor,
    pub(super) docker: Docker,
    before: HostSnapshot,
    _alone: Alone,
}

impl Scene {
    pub(super) fn set() -> Result<Self> {
        ensure!(
            Docker::is_possible(),
            "dockerd, docker or busybox is missing: `cargo xtask setup` installs them"
        );
        let alone = alone()?;
        let before = HostSnapshot::take(&[HostSnapshot::HERE])?;
        let docker = Docker::start()?;
        docker.run("web", &[])?;
        docker.run("db", &[])?;
        let mut server = Actor::start_in(docker.netns())?;
        let echo = server.echo(SocketAddr::new(Docker::GATEWAY.parse()?, 0))?;
        let engine = Engine::start_beside(&docker)?;
        Ok(Self {
            web: docker.actor("web")?,
            db: docker.actor("db")?,
            engine,
            server,
            echo,
            docker,
            before,
            _alone: alone,
        })
    }

    pub(super) fn close(self) -> Result<()> {
        let Self {
            engine,
            server,
            web,
            db,
            docker,
            before,
            ..
        } = self;
        engine.end()?;
        drop((server, web, db));
        drop(docker);
        before.await_same()
    }
}

pub(super) fn arm(
    client: &mut Client,
    kind: Kind,
    target: &str,
    more: &[(&str, &str)],
) -> Result<Armed> {
    let basic = [("target", target), ("duration", "60s")];
    let armed = client.arm(kind, &params(basic.into_iter().chain(more.to_vec())));
    armed.with_context(|| format!("{kind} {target}"))
}

pub(super) fn await_suffering(actor: &mut Actor, kind: Kind, to: SocketAddr) -> Result<()> {
    wait_until("the new one suffers", DEADLINE, || {
        suffers(actor, kind, to).is_ok_and(|yes| yes)
    })?;
    Ok(())
}

pub(super) fn await_ease(actor: &mut Actor, kind: Kind, to: SocketAddr) -> Result<()> {
    wait_until("nobody suffers any more", DEADLINE, || {
        suffers(actor, kind, to).is_ok_and(|yes| !yes)
    })?;
    Ok(())
}
