//! One fault of each kind on somebody who notes what it does to them.

use std::time::Duration;

use anyhow::Result;
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use injector_user::protocol::State;
use injector_user::sys::poll;

use super::attempt::Attempt;
use super::pair::Pair;
use super::stream::Stream;
use super::subject::{FROZEN, Habit, Subject};
use crate::cgroup::Cgroup;
use crate::client::{Client, params};
use crate::wait_until;

/// A place where a fault of one kind can act again and again.
#[derive(Debug)]
pub(super) enum Scene {
    Packets { kind: Kind, pair: Pair },
    Process { kind: Kind, cgroup: Cgroup },
}

/// Somebody at the scene, for one round.
#[derive(Debug)]
pub(super) enum Sufferer {
    Packets(Stream),
    Process(Subject),
}

/// The latency of a delay; half of it is delayed.
const LATENCY: Duration = Duration::from_millis(100);
/// A datagram that takes longer was held back.
const LATE: Duration = Duration::from_millis(50);
/// Between two tries.
pub(super) const GAP: Duration = Duration::from_micros(200);
const PORT: u16 = 7_001;
/// Longer than any engine takes.
const PATIENCE: Duration = Duration::from_secs(20);

impl Scene {
    pub(super) fn set(kind: Kind) -> Result<Self> {
        match kind {
            kind if kind.is_of_packets() => Ok(Self::Packets {
                kind,
                pair: Pair::make()?,
            }),
            kind => Ok(Self::Process {
                kind,
                cgroup: Cgroup::make(Flavour::V2, &format!("scene-{kind}"))?,
            }),
        }
    }

    /// Brings somebody who is unharmed yet.
    pub(super) fn enter(&self) -> Result<Sufferer> {
        match self {
            Self::Packets { pair, .. } => Ok(Sufferer::Packets(Stream::start(pair, PORT, GAP)?)),
            Self::Process { kind, cgroup } => {
                let habit = match kind {
                    Kind::ProcessFreeze | Kind::ProcessSignal => Habit::Ticks,
                    _ => Habit::Connects,
                };
                let subject = Subject::start(habit)?;
                cgroup.enter(subject.pid())?;
                Ok(Sufferer::Process(subject))
            }
        }
    }

    /// Arms the fault, which lasts a minute, and waits until it acts.
    pub(super) fn strike(&self, client: &mut Client) -> Result<()> {
        let latency = format!("{}ms", LATENCY.as_millis());
        let (kind, mut given) = match self {
            Self::Packets { kind, pair } => (*kind, params([("target", pair.target().as_str())])),
            Self::Process { kind, cgroup } => {
                (*kind, params([("target", cgroup.target().as_str())]))
            }
        };
        let own: &[(&str, &str)] = match kind {
            Kind::NetDelay => &[("latency", &latency)],
            Kind::ProcessFreeze => &[("active", "60s"), ("dormant", "1s")],
            Kind::ProcessSignal => &[("signal", "STOP")],
            Kind::SyscallError => &[("syscalls", "connect"), ("errno", "ECONNREFUSED")],
            Kind::ProcessCrash => &[("syscalls", "connect"), ("moment", "after")],
            kind => kind.least(),
        };
        given.extend(params(own.iter().copied()));
        given.insert("duration".to_owned(), "60s".to_owned());
        let armed = client.arm(kind, &given)?;
        let mut seen = Ok(());
        wait_until("the fault acts", PATIENCE, || {
            let report = client.snapshot(&armed.fault);
            let acts = report.as_ref().is_ok_and(|report| {
                report.state == State::Active && report.counters.injected >= steady(kind)
            });
            seen = report.map(drop);
            acts || seen.is_err()
        })?;
        if matches!(kind, Kind::ProcessFreeze | Kind::ProcessSignal) {
            // What is thawed sooner cannot tell it from having been kept waiting.
            poll::wait_readable([], FROZEN * 2)?;
        }
        seen
    }
}

/// Injections after which a fault acts steadily.
fn steady(kind: Kind) -> u64 {
    match kind {
        Kind::ProcessFreeze | Kind::ProcessSignal => 1,
        _ => 20,
    }
}

impl Sufferer {
    /// What it felt, from first to last.
    pub(super) fn leave(self) -> Result<Vec<Attempt>> {
        match self {
            Self::Packets(stream) => {
                let datagrams = stream.finish()?.into_iter();
                Ok(datagrams.map(|one| one.attempt(LATE)).collect())
            }
            Self::Process(subject) => subject.finish(),
        }
    }
}
