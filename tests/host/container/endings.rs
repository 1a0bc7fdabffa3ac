//! However a fault of a container ends, its processes run on, and its sibling has never noticed.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::plan::Hook;
use injector_user::freezer::{Flavour, Freezer, State as Frozen};
use injector_user::protocol::{Ended, State};
use injector_user::target::folder;
use nix::sys::signal::Signal;
use temblor_tests::order::Order;
use temblor_tests::{Actor, Armed, Client, Docker, Engine, params, signal, wait_until};

use super::scene::{Scene, arm, await_ease};
use crate::double::is_stopped;
use crate::feel::{FELT, PROBES, more, suffers};
use crate::stage::{DEADLINE, await_end};

/// Does nothing to whoever has not asked for it, in a container's first process.
const SIGNALS: [(&str, &str); 2] = [("signal", "USR1"), ("interval", "5ms")];
const USR1: i32 = 10;

/// Where the victims write down what they caught, in their own containers.
const NOTES: &str = "/caught";

/// So many signals prove that somebody gets them; who gets none meanwhile is left alone.
const SOME: usize = 10;

/// What is done to the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// What [`suffers`] can tell.
    Felt(Kind),
    Freeze,
    /// Signals that stop it.
    Stop,
    /// Signals that it catches.
    Signal,
}

impl What {
    fn all() -> impl Iterator<Item = Self> {
        let felt = FELT.into_iter().map(Self::Felt);
        felt.chain([Self::Freeze, Self::Stop, Self::Signal])
    }

    fn kind(self) -> Kind {
        match self {
            Self::Felt(kind) => kind,
            Self::Freeze => Kind::ProcessFreeze,
            Self::Stop | Self::Signal => Kind::ProcessSignal,
        }
    }
}

/// How a fault is brought to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Told,
    Deadline,
    EngineStopped,
    EngineKilled,
}

const ENDINGS: [Ending; 4] = [
    Ending::Told,
    Ending::Deadline,
    Ending::EngineStopped,
    Ending::EngineKilled,
];

/// The parameters of a fault that lasts until it is ended.
fn given(what: What, ending: Ending) -> Vec<(&'static str, &'static str)> {
    let duration = match ending {
        Ending::Deadline => "1s",
        _ => "60s",
    };
    let own = match what {
        What::Felt(kind) => more(kind),
        What::Freeze => &[("active", duration), ("count", "1")],
        What::Stop => &[("signal", "STOP"), ("interval", "5ms")],
        What::Signal => &SIGNALS,
    };
    [&[("target", "container:web"), ("duration", duration)], own].concat()
}

/// How many signals a container's victim has written down.
fn caught(docker: &Docker, name: &str) -> Result<usize> {
    let file = format!("/proc/{}/root{NOTES}", docker.pid(name)?);
    let notes = fs::read_to_string(&file).context(file)?;
    Ok(notes.lines().count())
}

/// Waits until a container's victim has caught some more.
fn await_signals(docker: &Docker, name: &str) -> Result<()> {
    let before = caught(docker, name)?;
    wait_until("signals arrive", DEADLINE, || {
        caught(docker, name).is_ok_and(|count| count >= before + SOME)
    })?;
    Ok(())
}

/// What the kernel says of the cgroup that is frozen.
fn frozen(armed: &Armed) -> Result<Frozen> {
    let [
        Hook::Freezer {
            hierarchy, path, ..
        },
    ] = &armed.plan.hooks[..]
    else {
        anyhow::bail!("one cgroup is frozen: {:?}", armed.plan.hooks);
    };
    let folder = folder(hierarchy, path).context("it is mounted")?;
    let flavour = Flavour::of(hierarchy).context("it has a freezer")?;
    Ok(Freezer::open(flavour, &folder)?.state()?)
}

/// Whether the container stands still, by what the kernel says of it.
fn stands_still(scene: &Scene, what: What, armed: &Armed) -> Result<bool> {
    match what {
        What::Freeze => Ok(frozen(armed)? == Frozen::Frozen),
        What::Stop => Ok(is_stopped(scene.docker.pid("web")?)),
        What::Felt(_) | What::Signal => Ok(false),
    }
}

/// Waits until the container feels the fault.
fn await_felt(scene: &mut Scene, what: What, armed: &Armed) -> Result<()> {
    match what {
        What::Felt(kind) => assert!(suffers(&mut scene.web, kind, scene.echo)?),
        What::Freeze | What::Stop => {
            wait_until("it stands still", DEADLINE, || {
                stands_still(scene, what, armed).is_ok_and(|yes| yes)
            })?;
        }
        What::Signal => await_signals(&scene.docker, "web")?,
    }
    Ok(())
}

/// Whether all that somebody asks is answered.
fn is_answered(actor: &mut Actor, to: SocketAddr) -> Result<bool> {
    let (answered, errors) = actor.datagrams(to, PROBES)?;
    Ok(answered.len() == PROBES as usize && errors.is_empty())
}

/// Makes sure that the sibling feels nothing, and has got no signal since it had so many.
fn check_sibling(scene: &mut Scene, what: What, signals: usize) -> Result<()> {
    match what {
        What::Felt(kind) => assert!(!suffers(&mut scene.db, kind, scene.echo)?),
        _ => assert!(is_answered(&mut scene.db, scene.echo)?),
    }
    assert_eq!(caught(&scene.docker, "db")?, signals);
    Ok(())
}

/// Brings the fault to its end, and with it perhaps the engine.
fn end(
    scene: &mut Scene,
    mut client: Client,
    what: What,
    armed: &Armed,
    ending: Ending,
) -> Result<()> {
    match ending {
        Ending::Told => {
            let how = Ended::Stopped;
            assert_eq!(client.stop_one(armed)?.state, State::Ended { how });
            return Ok(());
        }
        Ending::Deadline => {
            let how = Ended::Deadline;
            let report = await_end(&mut client, &armed.fault)?;
            assert_eq!(report.state, State::Ended { how });
            let met = report.counters.injected > 0;
            assert!(met || matches!(what, What::Felt(_)), "{report:?}");
            return Ok(());
        }
        Ending::EngineStopped => {
            signal(scene.engine.pid(), Signal::SIGSTOP)?;
            await_over(scene, what, armed)?;
        }
        Ending::EngineKilled => signal(scene.engine.pid(), Signal::SIGKILL)?,
    }
    // If it was only stopped, its keeper ends it.
    scene.engine.await_end()
}

fn await_over(scene: &mut Scene, what: What, armed: &Armed) -> Result<()> {
    match what {
        What::Felt(kind) => await_ease(&mut scene.web, kind, scene.echo),
        What::Freeze | What::Stop => {
            wait_until("it runs again", DEADLINE, || {
                stands_still(scene, what, armed).is_ok_and(|yes| !yes)
            })?;
            Ok(())
        }
        // Who stands still sends nothing.
        What::Signal => Ok(()),
    }
}

/// Makes sure that the container's processes run on and nothing is done to them; of signals only an
/// engine that sends others can tell.
fn check_over(scene: &mut Scene, what: What, armed: &Armed) -> Result<()> {
    match what {
        What::Felt(kind) => assert!(!suffers(&mut scene.web, kind, scene.echo)?),
        What::Freeze => assert_eq!(frozen(armed)?, Frozen::Thawed),
        What::Stop => assert!(!stands_still(scene, what, armed)?),
        What::Signal => {}
    }
    assert!(is_answered(&mut scene.web, scene.echo)?);
    Ok(())
}

/// While its sibling gets signals, the container that got them before gets none.
fn check_no_more_signals(scene: &mut Scene) -> Result<()> {
    let mut client = scene.engine.client()?;
    let armed = arm(&mut client, Kind::ProcessSignal, "container:db", &SIGNALS)?;
    // What was under way has been written down when these have.
    await_signals(&scene.docker, "db")?;
    let before = caught(&scene.docker, "web")?;
    await_signals(&scene.docker, "db")?;
    assert_eq!(caught(&scene.docker, "web")?, before);
    client.stop_one(&armed)?;
    Ok(())
}

fn check(scene: &mut Scene, what: What, ending: Ending) -> Result<()> {
    let signals = caught(&scene.docker, "db")?;
    let mut client = scene.engine.client()?;
    let armed = client.arm(what.kind(), &params(given(what, ending)))?;
    // A short one may be over before it is seen.
    if ending != Ending::Deadline {
        await_felt(scene, what, &armed)?;
    }
    check_sibling(scene, what, signals)?;
    end(scene, client, what, &armed, ending)?;
    check_over(scene, what, &armed)?;
    check_sibling(scene, what, signals)?;
    if matches!(ending, Ending::EngineStopped | Ending::EngineKilled) {
        scene.engine = Engine::start_beside(&scene.docker)?;
    }
    match what {
        What::Signal => check_no_more_signals(scene),
        _ => Ok(()),
    }
}

#[test]
fn nothing_of_a_fault_outlives_its_engine_its_lease_or_its_deadline() -> Result<()> {
    let mut scene = Scene::set()?;
    for actor in [&mut scene.web, &mut scene.db] {
        let (number, file) = (USR1, NOTES.into());
        actor.order(&Order::Catch { number, file })?;
    }
    for what in What::all() {
        for ending in ENDINGS {
            let checked = check(&mut scene, what, ending);
            checked.with_context(|| format!("{what:?}, {ending:?}"))?;
        }
    }
    scene.close()
}
