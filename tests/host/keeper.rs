//! Whatever happens to the engine or its keeper: what was frozen runs again and nothing is left.

use std::fs;

use anyhow::Result;
use injector_user::freezer::{Flavour, State};
use nix::sys::signal::Signal;
use procfs::process::Process;

use temblor_tests::{Engine, wait_until};

use super::double::{DEADLINE, Scene, for_each_freezer, is_running, is_stopped};

/// Without it nobody may lower `oom_score_adj`, in some containers not even root.
const CAP_SYS_RESOURCE: u32 = 24;

#[test]
fn a_killed_engine_leaves_nothing_frozen() -> Result<()> {
    for_each_freezer(|flavour| {
        let mut scene = Scene::frozen("pulses", flavour)?;
        scene.signal_engine(Signal::SIGKILL)?;
        println!("thawed after {:?}", scene.await_thawed()?);
        scene.await_nothing_left()
    })
}

#[test]
fn a_stopped_engine_is_killed_and_leaves_nothing_frozen() -> Result<()> {
    for_each_freezer(|flavour| {
        let mut scene = Scene::frozen("pulses", flavour)?;
        scene.signal_engine(Signal::SIGSTOP)?;
        println!("thawed after {:?}", scene.await_thawed()?);
        scene.await_nothing_left()
    })
}

#[test]
fn an_engine_whose_loop_is_stuck_is_killed() -> Result<()> {
    for_each_freezer(|flavour| {
        let mut scene = Scene::frozen("wedged", flavour)?;
        println!("thawed after {:?}", scene.await_thawed()?);
        scene.await_nothing_left()
    })
}

#[test]
fn an_engine_without_its_keeper_thaws_at_once() -> Result<()> {
    for_each_freezer(|flavour| {
        let mut scene = Scene::frozen("pulses", flavour)?;
        scene.signal_keeper(Signal::SIGKILL)?;
        println!("thawed after {:?}", scene.await_thawed()?);
        let said = scene.hear()?;
        assert_eq!(
            (&said["reason"], &said["undone"]),
            (&"KeeperDied".into(), &true.into())
        );
        scene.await_nothing_left()
    })
}

#[test]
fn an_orderly_end_leaves_nothing_frozen() -> Result<()> {
    for_each_freezer(|flavour| {
        let mut scene = Scene::frozen("pulses", flavour)?;
        scene.close_input();
        println!("thawed after {:?}", scene.await_thawed()?);
        let said = scene.hear()?;
        assert_eq!(
            (&said["reason"], &said["undone"]),
            (&"Stopped".into(), &true.into())
        );
        scene.await_nothing_left()
    })
}

#[test]
fn a_stopped_keeper_mends_when_it_may_run_again() -> Result<()> {
    let mut scene = Scene::frozen("pulses", Flavour::V2)?;
    scene.signal_keeper(Signal::SIGSTOP)?;
    wait_until("the keeper has stopped", DEADLINE, || {
        is_stopped(scene.keeper)
    })?;
    scene.signal_engine(Signal::SIGKILL)?;
    assert_eq!(scene.cgroup.state()?, State::Frozen);
    scene.signal_keeper(Signal::SIGCONT)?;
    scene.await_thawed()?;
    scene.await_nothing_left()
}

#[test]
fn no_huge_pages_are_made_for_the_engine() -> Result<()> {
    let engine = Engine::start()?;
    let status = fs::read_to_string(format!("/proc/{}/status", engine.pid()))?;
    assert!(
        status.lines().any(|line| line == "THP_enabled:\t0"),
        "{status}"
    );
    engine.end()
}

#[test]
fn the_keeper_is_out_of_reach() -> Result<()> {
    let mut scene = Scene::frozen("pulses", Flavour::V2)?;
    let careless = [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
    ];
    for signal in careless {
        scene.signal_keeper(signal)?;
    }
    let keeper = Process::new(scene.keeper)?;
    let (stat, status) = (keeper.stat()?, keeper.status()?);
    assert!(
        is_running(scene.keeper),
        "it survives what a terminal sends"
    );
    assert_eq!(stat.comm, "temblor-keeper");
    assert_eq!((stat.session, stat.pgrp), (scene.keeper, scene.keeper));
    let may_lower = status.capeff & (1 << CAP_SYS_RESOURCE) != 0;
    assert_eq!(keeper.oom_score_adj()? == -1000, may_lower);
    assert!(
        status.vmlck.is_some_and(|kib| kib > 0),
        "its memory is locked"
    );
    let home = super::double::keeper_cgroup(scene.engine()?)?;
    let members = fs::read_to_string(home.join("cgroup.procs"))?;
    assert_eq!(members.trim_end(), scene.keeper.to_string());
    // Null thrice, engine, socket, the engine's standard error, two for the freeze, four for its cgroup.
    assert_eq!(keeper.fd_count()?, 12);
    scene.close_input();
    scene.await_nothing_left()
}
