//! Where it happens: namespaces with packets in them, and cgroups with somebody in each.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Result, ensure};
use injector_user::freezer::{Flavour, State};
use injector_user::sys::poll;

use super::actors::Over;
use super::tally::Tally;
use crate::cgroup::Cgroup;
use crate::netns::Netns;
use crate::snapshot::HostSnapshot;
use crate::victim::Victim;

/// Everything that faults are aimed at.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) run_dir: PathBuf,
    /// They go before their cgroups.
    victims: Mutex<Vec<Victim>>,
    pub(super) namespaces: Vec<Netns>,
    pub(super) cgroups: Vec<Cgroup>,
}

const NAMESPACES: usize = 8;
const CGROUPS: usize = 16;
/// Longer than anybody is left frozen.
const PATIENCE: Duration = Duration::from_secs(20);
/// The first of the ports that faults are about; each worker has one of its own.
pub(super) const PORTS: u16 = 10_000;
/// Between two packets of a namespace.
const GAP: Duration = Duration::from_millis(2);

impl Place {
    pub(super) fn make(run_dir: PathBuf) -> Result<Self> {
        let namespaces = (0..NAMESPACES).map(|_number| Netns::make("soak"));
        let cgroups = (0..CGROUPS).map(|n| Cgroup::make(Flavour::V2, &format!("soak-{n}")));
        let place = Self {
            run_dir,
            namespaces: namespaces.collect::<Result<_>>()?,
            cgroups: cgroups.collect::<Result<_>>()?,
            victims: Mutex::default(),
        };
        for cgroup in &place.cgroups {
            let victim = Victim::start()?;
            cgroup.enter(victim.pid())?;
            place.victims().push(victim);
        }
        Ok(place)
    }

    pub(super) fn snapshot(&self) -> Result<HostSnapshot> {
        let names = self.namespaces.iter().map(Netns::name);
        let names: Vec<&str> = names.chain([HostSnapshot::HERE]).collect();
        HostSnapshot::take(&names)
    }

    /// How many are stuck: frozen, or silent.
    pub(super) fn stuck(&self) -> Result<usize> {
        let mut stuck = 0;
        for (cgroup, victim) in self.cgroups.iter().zip(self.victims().iter_mut()) {
            let answers = victim.answers(PATIENCE)?;
            stuck += usize::from(!answers || cgroup.state()? != State::Thawed);
        }
        Ok(stuck)
    }

    fn victims(&self) -> std::sync::MutexGuard<'_, Vec<Victim>> {
        self.victims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends datagrams within a namespace, to one worker's port after the other, until it is over.
pub(super) fn flow(netns: &Netns, workers: u16, over: &Over, tally: &Tally) -> Result<()> {
    let socket = netns.inside(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))??;
    let (mut sent, mut refused) = (0, 0);
    for port in (PORTS..PORTS + workers).cycle() {
        if over.is() {
            break;
        }
        match socket.send_to(&[0; 64], (Ipv4Addr::LOCALHOST, port)) {
            Ok(_length) => sent += 1,
            // Nobody listens there, and the one before has come back.
            Err(_unreachable) => refused += 1,
        }
        poll::wait_readable([], GAP)?;
    }
    tally.add("datagrams sent", sent + refused);
    ensure!(sent > 0, "nothing could be sent");
    Ok(())
}
