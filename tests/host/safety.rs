//! However a fault ends, it is gone: every fault against every ending, and the host as it was.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use injector_user::protocol::{Ended, State, Which};
use nix::sys::signal::Signal;
use temblor_tests::order::SocketCall;
use temblor_tests::pressed::{is_pressed, workers, workers_in};
use temblor_tests::{
    Actor, Armed, Cgroup, Client, Node, Pen, Victim, is_running, params, signal, wait_until,
};

use super::stage::{DEADLINE, Stage, await_end};

/// How a fault is brought to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Told,
    OwnerGone,
    Deadline,
    MaxHits,
    EngineTerminated,
    EngineKilled,
    EngineStopped,
    KeeperKilled,
    /// Only the lease in the kernel is left.
    BothStopped,
}

/// Everything a fault can be done to, with a sibling for each.
struct Scene {
    kind: Kind,
    ending: Ending,
    /// Before the cgroup, which can only be removed when it is empty.
    frozen: Victim,
    stage: Stage,
    thawed: Victim,
    cgroup: Cgroup,
    /// For limits, the target's and a sibling's.
    pens: Option<[Pen; 2]>,
}

/// Bytes that workers are to hold.
const HELD: u64 = 32 << 20;

/// Everybody on the stage.
const PEERS: (&str, &str) = ("peers", "10.77.0.0/16,fd77::/16");

/// A second opinion needs more than one try where a single hit is allowed.
const TRIES: u32 = 3;

impl Scene {
    fn set(kind: Kind, ending: Ending) -> Result<Self> {
        // Limits need none of version 2.
        let flavour = if kind.controllers().is_some() && !Cgroup::is_possible(Flavour::V2)? {
            Flavour::V1
        } else {
            Flavour::V2
        };
        let cgroup = Cgroup::make(flavour, "safety")?;
        let pens = if kind.controllers().is_some() {
            Some([Pen::make(kind, "narrow")?, Pen::make(kind, "wide")?])
        } else {
            None
        };
        let stage = Stage::set()?;
        let (frozen, thawed) = (Victim::start()?, Victim::start()?);
        cgroup.enter(frozen.pid())?;
        Ok(Self {
            kind,
            ending,
            frozen,
            stage,
            thawed,
            cgroup,
            pens,
        })
    }

    fn arm(&self, client: &mut Client) -> Result<Armed> {
        let target = match self.kind {
            kind if kind.is_of_packets() => self.stage.client_netns(),
            kind if kind == Kind::SockError || kind.is_of_calls() => {
                format!("pid:{}", self.stage.client.pid())
            }
            Kind::ProcessSignal => format!("pid:{}", self.frozen.pid()),
            _ => match &self.pens {
                Some([narrow, _wide]) => narrow.target(),
                None => self.cgroup.target(),
            },
        };
        let duration = match self.ending {
            Ending::Deadline => "2s",
            _ => "5m",
        };
        let mut given = vec![("target", &*target), ("duration", duration)];
        let own: &[_] = match self.kind {
            Kind::NetLoss | Kind::NetPartition => &[PEERS],
            Kind::NetDelay => &[("latency", "200ms"), PEERS],
            Kind::NetDuplicate => &[PEERS, ("protocol", "udp")],
            Kind::NetCorrupt => &[PEERS, ("bits", "3")],
            Kind::NetRate => &[PEERS, ("rate", "8kbit"), ("burst", "1514b")],
            Kind::SockError => &[("operation", "connect"), ("errno", "EHOSTUNREACH")],
            Kind::SyscallError => &[("syscalls", "connect"), ("errno", "EHOSTUNREACH")],
            Kind::ProcessFreeze if self.ending == Ending::MaxHits => {
                &[("active", "1s"), ("dormant", "1m")]
            }
            Kind::ProcessFreeze if self.ending == Ending::Deadline => {
                &[("active", "2s"), ("count", "1")]
            }
            Kind::ProcessFreeze => &[("active", "5m"), ("count", "1")],
            Kind::ProcessSignal => &[("signal", "STOP")],
            Kind::CpuStress => &[("workers", "1"), ("load", "20%")],
            Kind::MemoryStress => &[("size", "32MiB")],
            Kind::DiskStress => &[("path", "/var/tmp"), ("size", "1MiB"), ("rate", "256KiB")],
            Kind::DiskFill => &[("path", "/var/tmp"), ("size", "32MiB")],
            Kind::CpuLimit | Kind::MemoryLimit => {
                let pens = self.pens.as_ref().context("it has pens")?;
                pens[0].tight()
            }
            of_calls => bail!("the endings of {of_calls} are those of syscall.error"),
        };
        given.extend(own);
        if self.ending == Ending::MaxHits && self.pens.is_some() {
            given.extend([("active", "1s"), ("dormant", "1m")]);
        }
        if self.ending == Ending::MaxHits {
            given.push(("max_hits", "1"));
        }
        client.arm(self.kind, &params(given))
    }

    /// Whether the target feels it now.
    fn felt(&mut self) -> Result<bool> {
        if let Some([narrow, _wide]) = &self.pens {
            return narrow.is_felt();
        }
        match self.kind {
            Kind::ProcessFreeze | Kind::ProcessSignal => {
                Ok(!self.frozen.answers(Duration::from_millis(200))?)
            }
            Kind::NetDuplicate => self.copied(&self.stage.world.client),
            kind if kind.is_of_pressure() => is_pressed(kind, self.cgroup.folder(), HELD),
            kind => felt(kind, &mut self.stage.client, &self.stage.echoes),
        }
    }

    /// Whether what this one sends arrives more than once.
    fn copied(&self, node: &Node) -> Result<bool> {
        let arrived = self.stage.flow_of(node, 1)?.send(TRIES, 64)?;
        Ok(arrived.len() > TRIES as usize)
    }

    /// Whether somebody beside the target does.
    fn felt_beside(&mut self) -> Result<bool> {
        if let Some([_narrow, wide]) = &self.pens {
            return wide.is_felt();
        }
        match self.kind {
            Kind::ProcessFreeze | Kind::ProcessSignal => Ok(!self.thawed.answers(DEADLINE)?),
            Kind::NetDuplicate => self.copied(&self.stage.world.other),
            kind if kind.is_of_pressure() => {
                // Nobody works anywhere else, and who is beside has its processor. One that is just ending
                // has left its cgroup already.
                let folder = self.cgroup.folder();
                let here = || Ok::<_, anyhow::Error>(workers()? == workers_in(folder)?);
                let alone = wait_until("nobody works anywhere else", DEADLINE, || {
                    here().is_ok_and(|all| all)
                });
                Ok(alone.is_err() || !self.thawed.answers(DEADLINE)?)
            }
            kind => felt(kind, &mut self.stage.other, &self.stage.echoes),
        }
    }

    fn await_felt(&mut self, client: &mut Client, armed: &Armed) -> Result<()> {
        // The kernel freezes when it gets to it, and workers work; the others act once they are armed.
        let kind = self.kind;
        let by_loop = matches!(kind, Kind::ProcessFreeze | Kind::ProcessSignal);
        if by_loop || kind.is_of_pressure() || self.pens.is_some() {
            let felt = wait_until("the target feels it", DEADLINE, || {
                self.felt().is_ok_and(|felt| felt)
            });
            return felt
                .map(drop)
                .with_context(|| format!("{:?}", client.snapshot(&armed.fault)));
        }
        assert!(self.felt()?, "the target feels it at once");
        Ok(())
    }

    /// The cgroup goes last, whatever is found: it can only be removed when it is empty.
    fn close(self) -> Result<()> {
        let Self {
            frozen,
            stage,
            cgroup,
            pens,
            ..
        } = self;
        let closed = stage.close();
        drop(pens);
        drop(frozen);
        drop(cgroup);
        closed
    }

    fn await_gone(&mut self) -> Result<()> {
        let mut last = Ok(true);
        let gone = wait_until("the target feels it no more", DEADLINE, || {
            last = self.felt();
            matches!(last, Ok(false))
        });
        last?;
        gone.map(drop)
    }
}

fn felt(kind: Kind, actor: &mut Actor, echoes: &[std::net::SocketAddr; 2]) -> Result<bool> {
    let mut any = false;
    for to in *echoes {
        any |= match kind {
            Kind::NetLoss | Kind::NetCorrupt | Kind::NetPartition => {
                actor.datagrams(to, TRIES)?.0.len() < TRIES as usize
            }
            Kind::NetRate => {
                // More than the burst; then a hundred bytes take a hundred milliseconds.
                let times = actor.udp_times_within(to, 25, 400)?;
                times.iter().any(|time| time.is_none_or(|us| us > 60_000))
            }
            Kind::NetDelay => {
                let times = actor.udp_times_within(to, TRIES, 400)?;
                times.iter().any(|time| time.is_none_or(|us| us > 150_000))
            }
            Kind::SockError | Kind::SyscallError => {
                let errnos = actor.calls(SocketCall::Connect, to, TRIES)?;
                errnos.iter().any(|errno| *errno != 0)
            }
            _ => bail!("others are asked"),
        };
    }
    Ok(any)
}

fn check(kind: Kind, ending: Ending) -> Result<()> {
    let mut scene = Scene::set(kind, ending)?;
    assert!(!scene.felt()?, "nothing is felt before");
    let mut owner = scene.stage.engine.client()?;
    let mut observer = scene.stage.engine.client()?;
    let armed = scene.arm(&mut owner)?;
    scene.await_felt(&mut owner, &armed)?;
    assert!(!scene.felt_beside()?, "the sibling is untouched");
    let state = end(&mut scene, owner, &mut observer, &armed)?;
    scene.await_gone()?;
    if let Some(state) = state {
        assert_eq!(observer.snapshot(&armed.fault)?.state, state);
        let (status, faults) = observer.status()?;
        assert_eq!((status.attached, faults), (0, vec![]));
    }
    assert!(!scene.felt_beside()?);
    scene.close()
}

/// Brings the fault to its end; in which state the engine then knows it, if there still is one.
fn end(
    scene: &mut Scene,
    mut owner: Client,
    observer: &mut Client,
    armed: &Armed,
) -> Result<Option<State>> {
    let how = match scene.ending {
        Ending::Told => {
            let stopped = observer.stop(Which::All)?;
            assert_eq!(stopped.len(), 1, "{stopped:?}");
            Ended::Stopped
        }
        Ending::OwnerGone => {
            drop(owner);
            await_end(observer, &armed.fault)?;
            Ended::OwnerGone
        }
        Ending::Deadline => {
            await_end(&mut owner, &armed.fault)?;
            Ended::Deadline
        }
        Ending::MaxHits if scene.kind == Kind::ProcessFreeze || scene.pens.is_some() => {
            scene.await_gone()?;
            // Pulses go on being counted until the duration is over.
            owner.stop_one(armed)?;
            Ended::Stopped
        }
        Ending::MaxHits if scene.kind == Kind::ProcessSignal => {
            // Who was stopped stays so until the end.
            assert_eq!(owner.stop_one(armed)?.counters.injected, 1);
            Ended::Stopped
        }
        Ending::MaxHits => {
            await_end(&mut owner, &armed.fault)?;
            Ended::Finished
        }
        _ => {
            strike(scene)?;
            return Ok(None);
        }
    };
    Ok(Some(State::Ended { how }))
}

/// Ends the engine, which ends the fault, by what happens to it or to its keeper.
fn strike(scene: &mut Scene) -> Result<()> {
    let (engine, keeper) = (scene.stage.engine.pid(), scene.stage.engine.keeper());
    match scene.ending {
        Ending::EngineTerminated => signal(engine, Signal::SIGTERM)?,
        // Whether it is gone by the time the effect is, is not for this test to say.
        Ending::EngineKilled => return signal(engine, Signal::SIGKILL),
        Ending::EngineStopped => {
            signal(engine, Signal::SIGSTOP)?;
            scene.await_gone()?;
            let alive = is_running(engine);
            assert!(
                alive || !THROUGH_A_LINE.contains(&scene.kind),
                "the lease of the line"
            );
        }
        Ending::KeeperKilled => signal(keeper, Signal::SIGKILL)?,
        Ending::BothStopped => {
            signal(keeper, Signal::SIGSTOP)?;
            signal(engine, Signal::SIGSTOP)?;
            scene.await_gone()?;
            assert!(is_running(engine) && is_running(keeper), "both only stand");
            // A keeper that may run again does what it missed.
            signal(keeper, Signal::SIGCONT)?;
        }
        Ending::Told | Ending::OwnerGone | Ending::Deadline | Ending::MaxHits => {
            bail!("{:?} leaves the engine alone", scene.ending)
        }
    }
    scene.stage.engine.await_end()?;
    Ok(())
}

/// Their leases are much shorter than that after which the keeper kills the engine.
const THROUGH_A_LINE: [Kind; 3] = [Kind::NetDelay, Kind::NetCorrupt, Kind::NetRate];

macro_rules! endings {
    ($kind:ident: $($name:ident $ending:ident),* $(,)?) => {$(
        #[test]
        fn $name() -> super::Result<()> {
            super::check(super::Kind::$kind, super::Ending::$ending)
        }
    )*};
}

macro_rules! every_ending {
    ($kind:ident: $($more:tt)*) => {
        endings!($kind:
            ends_when_somebody_says_stop Told,
            ends_with_its_owner OwnerGone,
            ends_at_its_deadline Deadline,
            ends_with_an_engine_that_is_terminated EngineTerminated,
            ends_with_an_engine_that_is_killed EngineKilled,
            ends_with_an_engine_that_stands_still EngineStopped,
            ends_with_its_keeper KeeperKilled,
            $($more)*
        );
    };
}

macro_rules! every_ending_in_the_kernel {
    ($($module:ident $kind:ident),* $(,)?) => {$(
        mod $module {
            every_ending!($kind:
                ends_after_its_last_hit MaxHits,
                ends_by_its_lease_when_nobody_can_act BothStopped,
            );
        }
    )*};
}

every_ending_in_the_kernel!(
    loss NetLoss,
    delay NetDelay,
    duplicate NetDuplicate,
    corrupt NetCorrupt,
    partition NetPartition,
    errors SockError,
);

/// One packet alone is never slowed down.
mod rate {
    every_ending!(NetRate: ends_by_its_lease_when_nobody_can_act BothStopped);
}

macro_rules! every_ending_of_workers {
    ($($module:ident $kind:ident),* $(,)?) => {$(
        mod $module {
            every_ending!($kind: ends_by_its_lease_when_nobody_can_act BothStopped);
        }
    )*};
}

every_ending_of_workers!(
    calculating CpuStress,
    holding MemoryStress,
    busy DiskStress,
    filling DiskFill,
);

/// Without a lease in the kernel: losing both is what the undo log is for.
mod freezes {
    every_ending!(ProcessFreeze: ends_after_its_last_hit MaxHits);
}

/// Likewise.
mod less_cpu {
    every_ending!(CpuLimit: ends_after_its_last_hit MaxHits);
}

/// Likewise.
mod less_memory {
    every_ending!(MemoryLimit: ends_after_its_last_hit MaxHits);
}

/// Likewise, of the kind that can be undone.
mod stops {
    every_ending!(ProcessSignal: ends_after_its_last_hit MaxHits);
}
