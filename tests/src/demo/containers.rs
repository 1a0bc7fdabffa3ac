//! The second stage: two Redis and a client of both, each in a container of a Docker Engine of the
//! demo's own.
//!
//! One Redis suffers. The other, its sibling, does the same for the same client at the same bridge and
//! must never notice.

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::client::Load;
use super::guest::Guest;
use super::server::{Program, replication};
use super::tape::Tape;
use crate::{Docker, wait_until};

/// Everything that is made for it. The client goes before its container does.
#[derive(Debug)]
pub(super) struct Containers {
    client: Guest,
    docker: Docker,
}

const REDIS: &str = "redis";
const SIBLING: &str = "sibling";
const CLIENT: &str = "client";
const PORT: u16 = 6379;
/// Where the programs are in the containers.
const SERVER_PROGRAM: &str = "/redis-server";
const CLIENT_PROGRAM: &str = "/redis-client";
/// Longer than a Redis takes to start on any machine.
const PATIENCE: Duration = Duration::from_secs(20);

impl Containers {
    /// What suffers, as a target.
    pub(super) const TARGET: &'static str = "container:redis";

    /// Fills a Docker Engine with containers.
    pub(super) fn fill(docker: Docker, redis: &Program) -> Result<Self> {
        let primary = start(&docker, REDIS, redis)?;
        let sibling = start(&docker, SIBLING, redis)?;
        let program = env::current_exe()?;
        let program = format!("{}:{CLIENT_PROGRAM}:ro", program.display());
        docker.run_program(CLIENT, &["--volume", &program], &Docker::SLEEP)?;
        let load = Load {
            primary,
            // It is asked for what nobody writes there, and answers all the same.
            replica: Some(sibling),
            key: "container".to_owned(),
        };
        Ok(Self {
            client: Guest::start_in((&docker, CLIENT), CLIENT_PROGRAM, &load)?,
            docker,
        })
    }

    /// What the client felt: of the Redis that suffers as the primary, of its sibling as the replica.
    pub(super) fn tape(&self) -> &Tape {
        self.client.tape()
    }

    /// By which an engine finds this Docker Engine.
    pub(super) fn variable(&self) -> (&'static str, String) {
        ("DOCKER_HOST", self.docker.host())
    }

    /// The namespace of the bridge.
    pub(super) fn netns(&self) -> &str {
        self.docker.netns().name()
    }

    /// Ends the Redis that suffers at once, starts it anew, and waits until it answers.
    pub(super) fn restart(&self) -> Result<()> {
        self.docker.restart(REDIS)?;
        answered(&self.docker, REDIS).map(drop)
    }

    /// The Docker Engine's processes and the first one of each container.
    pub(super) fn processes(&self) -> Result<Vec<i32>> {
        let inside = [REDIS, SIBLING, CLIENT].map(|name| self.docker.pid(name));
        let inside = inside.into_iter().collect::<Result<Vec<i32>>>()?;
        Ok([self.docker.processes(), inside].concat())
    }
}

/// Starts a Redis and waits until it answers; its address.
fn start(docker: &Docker, name: &str, redis: &Program) -> Result<SocketAddr> {
    let Program { file, libraries } = redis;
    let mut options = vec![format!("{}:{SERVER_PROGRAM}:ro", file.display())];
    let folders: Vec<String> = libraries
        .iter()
        .map(|it| it.display().to_string())
        .collect();
    options.extend(folders.iter().map(|folder| format!("{folder}:{folder}:ro")));
    let mut options: Vec<&str> = options
        .iter()
        .flat_map(|volume| ["--volume", volume])
        .collect();
    let path = format!("LD_LIBRARY_PATH={}", folders.join(":"));
    options.extend(["--env", &path]);
    let program = format!("{SERVER_PROGRAM} --port {PORT} --bind 0.0.0.0 --protected-mode no");
    let mut program: Vec<&str> = program.split(' ').collect();
    program.extend(["--save", "", "--appendonly", "no"]);
    docker.run_program(name, &options, &program)?;
    answered(docker, name)
}

/// Waits until the Redis in a container answers; its address.
fn answered(docker: &Docker, name: &str) -> Result<SocketAddr> {
    let address = SocketAddr::new(docker.address(name)?, PORT);
    let bridge = docker.netns();
    let ready = wait_until("Redis answers in its container", PATIENCE, || {
        let asked = bridge.inside(|| replication(address).is_ok());
        asked.is_ok_and(|answered| answered)
    });
    ready.with_context(|| docker.output(name))?;
    Ok(address)
}
