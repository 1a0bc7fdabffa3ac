//! Processes that are killed when they have made a call: nobody else, and nobody once it is over.

use anyhow::Result;
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use nix::sys::signal::Signal;
use temblor_tests::{Armed, Caller, Cgroup, Client, params, signal, wait_until};

use crate::stage::{DEADLINE, Stage};

const CALL: &str = "getsid";

/// Whoever makes the call in there suffers.
struct Scene {
    stage: Stage,
    cgroup: Cgroup,
    /// Is in there and calls nothing.
    _resident: Caller,
}

impl Scene {
    fn set() -> Result<Self> {
        let stage = Stage::set()?;
        let cgroup = Cgroup::make(Flavour::V2, "crash")?;
        let resident = Caller::start(1, &[CALL])?;
        cgroup.enter(resident.pid())?;
        Ok(Self {
            stage,
            cgroup,
            _resident: resident,
        })
    }

    fn arm(&self, client: &mut Client, more: &[(&str, &str)]) -> Result<Armed> {
        let target = self.cgroup.target();
        let given = [
            ("target", &*target),
            ("syscalls", CALL),
            ("moment", "after"),
        ];
        let given = given.into_iter().chain(more.iter().copied());
        client.arm(Kind::ProcessCrash, &params(given))
    }

    /// Whether a process is killed that makes the call in the cgroup; one that makes it elsewhere never is.
    fn kills(&self) -> Result<bool> {
        let mut inside = Caller::start(1, &[CALL])?;
        let mut outside = Caller::start(1, &[CALL])?;
        self.cgroup.enter(inside.pid())?;
        assert_eq!(outside.round()?[CALL], [0]);
        Ok(inside.round().is_err())
    }

    fn await_over(&self) -> Result<()> {
        wait_until("nobody is killed any more", DEADLINE, || {
            self.kills().is_ok_and(|kills| !kills)
        })
        .map(drop)
    }
}

fn check(
    more: &[(&str, &str)],
    end: impl FnOnce(&mut Scene, Client, &Armed) -> Result<Option<Client>>,
) -> Result<Scene> {
    let mut scene = Scene::set()?;
    let mut client = scene.stage.engine.client()?;
    assert!(!scene.kills()?);
    let armed = scene.arm(&mut client, more)?;
    assert!(scene.kills()?);
    let _kept = end(&mut scene, client, &armed)?;
    scene.await_over()?;
    Ok(scene)
}

fn close(scene: Scene) -> Result<()> {
    let Scene {
        stage,
        cgroup,
        _resident: resident,
    } = scene;
    drop(resident);
    drop(cgroup);
    stage.close()
}

#[test]
fn it_ends_when_it_is_stopped() -> Result<()> {
    close(check(&[("duration", "60s")], |_, mut client, armed| {
        let report = client.stop_one(armed)?;
        assert_eq!(report.counters.injected, 1, "{report:?}");
        Ok(Some(client))
    })?)
}

#[test]
fn it_ends_by_its_deadline() -> Result<()> {
    close(check(&[("duration", "4s")], |_, client, _| {
        Ok(Some(client))
    })?)
}

#[test]
fn it_ends_with_an_engine_that_is_killed() -> Result<()> {
    let mut scene = check(&[("duration", "60s")], |scene, client, _| {
        signal(scene.stage.engine.pid(), Signal::SIGKILL)?;
        Ok(Some(client))
    })?;
    scene.stage.engine.await_end()?;
    close(scene)
}

#[test]
fn it_ends_by_its_lease_when_the_engine_is_stopped() -> Result<()> {
    let mut scene = check(&[("duration", "60s")], |scene, client, _| {
        signal(scene.stage.engine.pid(), Signal::SIGSTOP)?;
        signal(scene.stage.engine.keeper(), Signal::SIGSTOP)?;
        Ok(Some(client))
    })?;
    signal(scene.stage.engine.keeper(), Signal::SIGCONT)?;
    signal(scene.stage.engine.pid(), Signal::SIGKILL)?;
    scene.stage.engine.await_end()?;
    close(scene)
}

#[test]
fn a_second_call_is_not_the_first() -> Result<()> {
    let scene = Scene::set()?;
    let mut client = scene.stage.engine.client()?;
    let armed = scene.arm(&mut client, &[("duration", "60s"), ("when", "2")])?;
    let mut caller = Caller::start(1, &[CALL])?;
    scene.cgroup.enter(caller.pid())?;
    assert_eq!(caller.round()?[CALL], [0]);
    assert!(caller.round().is_err(), "it lives");
    let report = client.stop_one(&armed)?;
    assert_eq!((report.counters.matched, report.counters.outside), (2, 1));
    drop(caller);
    close(scene)
}
