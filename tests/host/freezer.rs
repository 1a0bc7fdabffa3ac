//! Pulses as they are felt, and cgroups that are not frozen.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_user::freezer::{Flavour, Freezer, FreezerError, State};
use injector_user::safety::permit_housekeeping;
use serde_json::json;
use temblor_tests::{Cgroup, wait_until};

use super::double::{DEADLINE, Scene, for_each_freezer};

const PATIENCE: Duration = Duration::from_millis(50);

#[test]
fn pulses_freeze_as_often_as_they_say() -> Result<()> {
    for_each_freezer(|flavour| {
        let mut scene = Scene::pulsed(Cgroup::make(flavour, "count")?, [300, 50, 4, 60_000])?;
        let mut was_silent = false;
        while !scene.has_said()? {
            was_silent |= !scene.victim().answers(PATIENCE)?;
        }
        let said = scene.hear()?;
        let progress = &said["progress"];
        let counted = json!({
            "matched": 4, "eligible": 4, "expired": 0, "outside": 0, "injected": 3, "passed": 1,
        });
        assert_eq!(
            (&progress["counters"], &progress["unsettled"]),
            (&counted, &0.into()),
            "{said}"
        );
        assert_eq!(
            (&said["reason"], &said["undone"]),
            (&"Over".into(), &true.into())
        );
        assert!(was_silent, "the victim felt them");
        scene.close_input();
        scene.await_thawed()?;
        scene.await_nothing_left()
    })
}

#[test]
fn the_duration_cuts_the_last_pulse_short() -> Result<()> {
    for_each_freezer(|flavour| {
        let mut scene = Scene::pulsed(Cgroup::make(flavour, "cut")?, [60_000, 1, 9, 100])?;
        let said = scene.hear()?;
        assert_eq!(said["reason"], "Over");
        assert_eq!(said["progress"]["counters"]["injected"], 1);
        scene.await_thawed()?;
        scene.close_input();
        scene.await_nothing_left()
    })
}

#[test]
fn a_target_that_vanishes_ends_the_pulses() -> Result<()> {
    // In version 1 what is frozen cannot die, so only version 2 loses a cgroup in mid-freeze.
    let mut scene = Scene::pulsed(
        Cgroup::make(Flavour::V2, "vanish")?,
        [20, 20, 99_999, 60_000],
    )?;
    let is_frozen = || matches!(scene.cgroup.state(), Ok(State::Frozen));
    wait_until("the first pulse", DEADLINE, is_frozen)?;
    scene.victim().end()?;
    let folder = scene.cgroup.folder().to_owned();
    wait_until("the cgroup is removed", DEADLINE, || {
        fs::remove_dir(&folder).is_ok()
    })?;
    let said = scene.hear()?;
    assert_eq!(
        (&said["reason"], &said["undone"]),
        (&"Vanished".into(), &true.into()),
        "{said}"
    );
    scene.close_input();
    scene.await_nothing_left()
}

#[test]
fn a_cgroup_with_strangers_is_not_frozen() -> Result<()> {
    for_each_freezer(|flavour| {
        let cgroup = Cgroup::make(flavour, "strangers")?;
        let mut stranger = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::null())
            .spawn()?;
        let pid = i32::try_from(stranger.id())?;
        cgroup.enter(pid)?;
        let mut scene = Scene::pulsed(cgroup, [50, 50, 1, 1_000])?;
        let said = scene.hear()?;
        let refused = said["refused"].as_str().context("it is refused")?;
        let expected = format!("also holds processes that are not targets: {pid}");
        assert!(refused.ends_with(&expected), "{refused}");
        assert_eq!(scene.cgroup.state()?, State::Thawed);
        scene.await_nothing_left()?;
        stranger.kill()?;
        stranger.wait()?;
        Ok(())
    })
}

#[test]
fn what_somebody_else_froze_stays_frozen() -> Result<()> {
    for_each_freezer(|flavour| {
        let cgroup = Cgroup::make(flavour, "before")?;
        cgroup.freezer()?.freeze(&permit_housekeeping())?;
        let mut scene = Scene::pulsed(cgroup, [50, 50, 1, 1_000])?;
        let said = scene.hear()?;
        let refused = said["refused"].as_str().context("it is refused")?;
        assert!(
            refused.ends_with("was frozen by someone else before"),
            "{refused}"
        );
        scene.await_nothing_left()?;
        assert_eq!(scene.cgroup.state()?, State::Frozen);
        scene.cgroup.freezer()?.thaw()?;
        Ok(())
    })
}

#[test]
fn a_root_cgroup_has_no_freezer() -> Result<()> {
    for_each_freezer(|flavour| {
        let cgroup = Cgroup::make(flavour, "root")?;
        let root = cgroup.folder().parent().context("it has a parent")?;
        let refused = Freezer::open(flavour, root).err();
        assert!(
            matches!(refused, Some(FreezerError::Root { .. })),
            "{refused:?}"
        );
        Ok(())
    })
}
