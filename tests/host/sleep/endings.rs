//! However the fault ends, nobody sleeps on.

use std::fs;
use std::time::Instant;

use anyhow::Result;
use nix::libc::SYS_clock_nanosleep;
use nix::sys::signal::Signal;
use temblor_tests::{Caller, signal, wait_until};

use super::scene::{LONG, Scene, for_each_way, for_each_way_and_disk};
use super::shell::Shell;
use crate::stage::DEADLINE;

/// Its call is made long before the time that was asked for, and the next one at once.
fn check_awake(scene: &mut Scene) -> Result<()> {
    let begun = Instant::now();
    assert_eq!(scene.told_of(Caller::tell)?, 0);
    assert_eq!(scene.one()?, 0);
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    Ok(())
}

#[test]
fn a_stop_wakes_who_sleeps() -> Result<()> {
    for_each_way_and_disk(|mut scene| {
        scene.fall_asleep(&[])?;
        let said = scene.stage.cli().run(&["stop"])?;
        assert_eq!(said.code, Some(0), "{said:?}");
        check_awake(&mut scene)?;
        scene.close()
    })
}

#[test]
fn a_deadline_wakes_who_sleeps() -> Result<()> {
    for_each_way_and_disk(|mut scene| {
        scene.fall_asleep(&[("duration", "1s")])?;
        check_awake(&mut scene)?;
        scene.close()
    })
}

#[test]
fn a_client_that_goes_wakes_who_sleeps() -> Result<()> {
    for_each_way_and_disk(|mut scene| {
        scene.fall_asleep(&[])?;
        scene.client = scene.stage.engine.client()?;
        check_awake(&mut scene)?;
        scene.close()
    })
}

#[test]
fn a_killed_engine_wakes_who_sleeps() -> Result<()> {
    for_each_way_and_disk(|mut scene| {
        scene.fall_asleep(&[])?;
        signal(scene.stage.engine.pid(), Signal::SIGKILL)?;
        check_awake(&mut scene)?;
        scene.stage.engine.await_end()?;
        scene.close()
    })
}

#[test]
fn a_stopped_engine_lets_nobody_sleep_on() -> Result<()> {
    for_each_way_and_disk(|mut scene| {
        scene.fall_asleep(&[])?;
        signal(scene.stage.engine.pid(), Signal::SIGSTOP)?;
        check_awake(&mut scene)?;
        scene.stage.engine.await_end()?;
        scene.close()
    })
}

#[test]
fn an_engine_without_its_keeper_lets_nobody_sleep_on() -> Result<()> {
    for_each_way_and_disk(|mut scene| {
        scene.fall_asleep(&[])?;
        signal(scene.stage.engine.keeper(), Signal::SIGKILL)?;
        check_awake(&mut scene)?;
        scene.stage.engine.await_end()?;
        scene.close()
    })
}

#[test]
fn a_killed_holder_wakes_who_sleeps() -> Result<()> {
    for_each_way(|mut scene| {
        let armed = scene.fall_asleep(&[])?;
        signal(scene.stage.engine.holder()?, Signal::SIGKILL)?;
        check_awake(&mut scene)?;
        let report = scene.client.stop_one(&armed)?;
        assert!(report.counters.expired >= 1, "{report:?}");
        scene.close()
    })
}

/// Whose call was to take longer once it has been made, and takes long by itself.
#[test]
fn who_is_still_in_a_call_comes_out_as_if_nothing_had_been() -> Result<()> {
    for_each_way(|mut scene| {
        if scene.way.moment != "after" {
            return scene.close();
        }
        let mut shell = Shell::start("", "exec sleep 8")?;
        let target = format!("pid:{}", shell.pid());
        let way = scene.way;
        way.arm_at("clock_nanosleep", &mut scene.client, &target, &LONG)?;
        let begun = Instant::now();
        shell.go()?;
        let (inside, now) = (
            format!("{SYS_clock_nanosleep} "),
            format!("/proc/{}/syscall", shell.pid()),
        );
        wait_until("it is in its call", DEADLINE, || {
            fs::read_to_string(&now).is_ok_and(|call| call.starts_with(&inside))
        })?;
        signal(scene.stage.engine.pid(), Signal::SIGKILL)?;
        scene.stage.engine.await_end()?;
        scene.close()?;
        shell.end()?;
        assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
        Ok(())
    })
}
