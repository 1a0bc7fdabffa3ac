//! An engine that stands still while it makes somebody else stand still: its victim runs again
//! first, and the engine is killed only if it is not back soon.
//!
//! That nobody is killed early, or forgiven late, is tested without a clock in the keeper's own
//! tests: here an engine that was not continued in time on a busy machine is simply another attempt.

use anyhow::{Context as _, Result, bail};
use injector_core::fault::Kind;
use injector_user::freezer::{Flavour, State as Frozen};
use injector_user::protocol::{Ended, FaultReport, State};
use nix::sys::signal::Signal;
use temblor_tests::{Armed, Cgroup, Client, Victim, is_running, params, signal, wait_until};

use super::double::{for_each_freezer, is_stopped};
use super::stage::{DEADLINE, Stage};

/// How often an engine may be continued too late in a row.
const ATTEMPTS: u8 = 10;

/// A victim that stands still because of a fault, and somebody else's fault beside it.
struct Scene {
    /// Before the cgroup, which can only be removed when it is empty.
    victim: Victim,
    cgroup: Cgroup,
    client: Client,
    armed: Armed,
    beside: Armed,
    stage: Stage,
}

impl Scene {
    fn set(kind: Kind, flavour: Flavour, more: &[(&str, &str)]) -> Result<Self> {
        let stage = Stage::set()?;
        let cgroup = Cgroup::make(flavour, "chance")?;
        let victim = Victim::start()?;
        cgroup.enter(victim.pid())?;
        let mut client = stage.engine.client()?;
        let (netns, target) = (stage.client_netns(), cgroup.target());
        let beside = params([("target", &*netns), ("duration", "5m")]);
        let beside = client.arm(Kind::NetLoss, &beside)?;
        let basic = [("target", &*target), ("duration", "5m")];
        let armed = client.arm(kind, &params(basic.into_iter().chain(more.to_vec())))?;
        let scene = Self {
            victim,
            cgroup,
            client,
            armed,
            beside,
            stage,
        };
        wait_until("the victim stands still", DEADLINE, || scene.stands_still())?;
        Ok(scene)
    }

    fn stands_still(&self) -> bool {
        matches!(self.cgroup.state(), Ok(Frozen::Frozen)) || is_stopped(self.victim.pid())
    }

    fn runs(&self) -> bool {
        matches!(self.cgroup.state(), Ok(Frozen::Thawed)) && !is_stopped(self.victim.pid())
    }

    /// Stops the engine until its victim runs again.
    fn pause_engine(&mut self) -> Result<()> {
        let engine = self.stage.engine.pid();
        signal(engine, Signal::SIGSTOP)?;
        wait_until("the victim runs again", DEADLINE, || self.runs())?;
        signal(engine, Signal::SIGCONT)
    }

    /// Waits until this is so of the fault; none if the engine was killed.
    fn await_report(
        &mut self,
        is_so: impl Fn(&FaultReport) -> bool,
    ) -> Result<Option<FaultReport>> {
        let (engine, fault) = (self.stage.engine.pid(), &self.armed.fault);
        let mut last = None;
        let waited = wait_until("the engine says so or has been killed", DEADLINE, || {
            last = self.client.snapshot(fault).ok();
            last.as_ref().is_some_and(&is_so) || !is_running(engine)
        });
        waited.with_context(|| format!("{last:?}"))?;
        Ok(last)
    }

    /// What an engine must be able to do that has been forgiven: all it could before.
    fn check_engine_is_well(&mut self) -> Result<()> {
        let keeper = self.stage.engine.keeper();
        assert!(is_running(self.stage.engine.pid()) && is_running(keeper));
        let lost = self.stage.client.datagrams(self.stage.echoes[0], 3)?;
        assert_eq!(lost, (vec![], vec![]), "the fault beside it acts on");
        let target = format!("pid:{}", self.victim.pid());
        let again = params([("target", &*target), ("duration", "5m"), ("signal", "STOP")]);
        let again = self.client.arm(Kind::ProcessSignal, &again)?;
        let pid = self.victim.pid();
        wait_until("it is stopped anew", DEADLINE, || is_stopped(pid))?;
        for armed in [&again, &self.beside] {
            let report = self.client.stop_one(armed)?;
            let how = Ended::Stopped;
            assert_eq!(report.state, State::Ended { how });
        }
        assert!(self.victim.answers(DEADLINE)?);
        self.stage.await_answers(2)?;
        self.stage.check_nothing_armed()
    }

    fn close(self) -> Result<()> {
        let Self {
            victim,
            cgroup,
            client,
            mut stage,
            ..
        } = self;
        drop(client);
        if !is_running(stage.engine.pid()) {
            // Its keeper has the cgroup in its charge until then.
            stage.engine.await_end()?;
        }
        drop(victim);
        drop(cgroup);
        stage.close()
    }
}

/// Tries until an engine was continued in time; one that was not must have left nothing.
fn until_forgiven(attempt: impl Fn() -> Result<Option<Scene>>) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if let Some(mut scene) = attempt()? {
            scene.check_engine_is_well()?;
            return scene.close();
        }
    }
    bail!("of {ATTEMPTS} engines that were continued none was forgiven");
}

#[test]
fn a_freeze_that_was_undone_ends_with_its_pulse_and_its_engine_lives() -> Result<()> {
    for_each_freezer(|flavour| {
        until_forgiven(|| {
            let once = [("active", "5m"), ("count", "1")];
            let mut scene = Scene::set(Kind::ProcessFreeze, flavour, &once)?;
            scene.pause_engine()?;
            let ended = |report: &FaultReport| {
                let how = Ended::Finished;
                report.state == State::Ended { how }
            };
            let Some(report) = scene.await_report(ended)? else {
                return scene.close().map(|()| None);
            };
            assert_eq!((report.pulses, report.counters.injected), (Some(1), 1));
            assert!(scene.victim.answers(DEADLINE)?);
            Ok(Some(scene))
        })
    })
}

#[test]
fn pulses_go_on_after_one_that_was_undone() -> Result<()> {
    for_each_freezer(|flavour| {
        until_forgiven(|| {
            let twice = [("active", "5m"), ("dormant", "1ms"), ("count", "2")];
            let mut scene = Scene::set(Kind::ProcessFreeze, flavour, &twice)?;
            scene.pause_engine()?;
            let again = |report: &FaultReport| report.pulses == Some(2);
            if scene.await_report(again)?.is_none() {
                return scene.close().map(|()| None);
            }
            wait_until("it is frozen again", DEADLINE, || scene.stands_still())?;
            let report = scene.client.stop_one(&scene.armed)?;
            let how = Ended::Stopped;
            assert_eq!(report.state, State::Ended { how }, "{report:?}");
            assert!(scene.victim.answers(DEADLINE)?);
            Ok(Some(scene))
        })
    })
}

#[test]
fn who_was_continued_runs_on_and_its_engine_lives() -> Result<()> {
    until_forgiven(|| {
        let once = [("signal", "STOP")];
        let mut scene = Scene::set(Kind::ProcessSignal, Flavour::V2, &once)?;
        scene.pause_engine()?;
        assert!(scene.victim.answers(DEADLINE)?);
        let Ok(report) = scene.client.stop_one(&scene.armed) else {
            return scene.close().map(|()| None);
        };
        let how = Ended::Stopped;
        assert_eq!(report.state, State::Ended { how }, "{report:?}");
        assert_eq!(report.counters.injected, 1, "{report:?}");
        assert!(scene.victim.answers(DEADLINE)?);
        Ok(Some(scene))
    })
}

#[test]
fn an_engine_that_does_not_come_back_is_killed_after_its_victim_runs() -> Result<()> {
    let freeze = [("active", "5m"), ("count", "1")];
    let stop = [("signal", "STOP")];
    for (kind, more) in [
        (Kind::ProcessFreeze, &freeze[..]),
        (Kind::ProcessSignal, &stop),
    ] {
        let mut scene = Scene::set(kind, Flavour::V2, more)?;
        signal(scene.stage.engine.pid(), Signal::SIGSTOP)?;
        wait_until("the victim runs again", DEADLINE, || scene.runs())?;
        assert!(scene.victim.answers(DEADLINE)?);
        scene.stage.engine.await_end()?;
        assert!(scene.runs());
        scene.stage.await_answers(2)?;
        scene.close()?;
    }
    Ok(())
}
