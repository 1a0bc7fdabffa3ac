//! `process.freeze` through the engine: what the target feels, and whom it must not touch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::plan::Mechanism;
use injector_user::freezer::{Flavour, State as Frozen};
use injector_user::protocol::{Ended, State};
use injector_user::safety::permit_housekeeping;
use nix::poll::{PollTimeout, poll};
use temblor_tests::order::Order;
use temblor_tests::{Actor, Armed, Cgroup, Client, params, wait_until};

use super::double::for_each_freezer;
use super::stage::{DEADLINE, Stage, await_end};

/// Arms `process.freeze` with these parameters.
fn freeze(client: &mut Client, target: &str, more: &[(&str, &str)]) -> Result<Armed> {
    client.arm(Kind::ProcessFreeze, &asked(target, more))
}

fn asked(target: &str, more: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    let basic = [("target", target), ("duration", "30s")];
    params(basic.into_iter().chain(more.to_vec()))
}

const PULSES: [(&str, &str); 3] = [("active", "300ms"), ("dormant", "200ms"), ("count", "3")];

#[test]
fn the_target_stands_still_as_often_and_as_long_as_was_asked() -> Result<()> {
    for_each_freezer(|flavour| {
        let cgroup = Cgroup::make(flavour, "pulses")?;
        let mut stage = Stage::set()?;
        cgroup.enter(stage.client.pid())?;
        stage.client.order(&Order::Tick)?;
        stage.other.order(&Order::Tick)?;
        let mut client = stage.engine.client()?;
        let armed = freeze(&mut client, &cgroup.target(), &PULSES)?;
        let mechanism = match flavour {
            Flavour::V2 => Mechanism::FreezerV2,
            Flavour::V1 => Mechanism::FreezerV1,
        };
        assert_eq!(armed.plan.mechanism, mechanism);
        let report = await_end(&mut client, &armed.fault)?;
        let how = Ended::Finished;
        assert_eq!(report.state, State::Ended { how });
        assert_eq!(report.pulses, Some(3));
        let pauses = stage.client.pauses(250)?;
        assert_eq!(pauses.len(), 3, "{pauses:?}");
        assert_eq!(stage.other.pauses(250)?, Vec::<u64>::new());
        assert_eq!(cgroup.state()?, Frozen::Thawed);
        stage.close()
    })
}

#[test]
fn when_and_probability_choose_pulses() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "chosen")?;
    let mut stage = Stage::set()?;
    cgroup.enter(stage.client.pid())?;
    stage.client.order(&Order::Tick)?;
    let mut client = stage.engine.client()?;
    for (chosen, expected) in [
        (("when", "2..3"), 2),
        (("max_hits", "1"), 1),
        (("probability", "0"), 0),
    ] {
        let mut given = vec![("active", "200ms"), ("dormant", "50ms"), ("count", "4")];
        given.push(chosen);
        let armed = freeze(&mut client, &cgroup.target(), &given)?;
        let report = await_end(&mut client, &armed.fault)?;
        let pauses = stage.client.pauses(180)?;
        assert_eq!(pauses.len(), expected, "{chosen:?}: {pauses:?}");
        assert_eq!(report.counters.injected, expected as u64, "{report:?}");
        assert_eq!(report.counters.matched, 4, "{report:?}");
    }
    stage.close()
}

#[test]
fn children_stand_still_with_their_parent() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "family")?;
    let mut stage = Stage::set()?;
    cgroup.enter(stage.client.pid())?;
    stage.client.order(&Order::Bear)?;
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", stage.client.pid());
    let once = [("active", "30s"), ("count", "1")];
    let armed = freeze(&mut client, &target, &once)?;
    wait_until("the cgroup is frozen", DEADLINE, || {
        matches!(cgroup.state(), Ok(Frozen::Frozen))
    })?;
    let report = client.stop_one(&armed)?;
    let how = Ended::Stopped;
    assert_eq!(report.state, State::Ended { how });
    assert_eq!(cgroup.state()?, Frozen::Thawed);
    assert!(stage.client.udp_times(stage.echoes[0], 1)?[0].is_some());
    stage.close()
}

/// What the engine says instead of freezing this.
fn check_refused(client: &mut Client, target: &str, code: u8, reason: &str) -> Result<()> {
    let given = asked(target, &PULSES);
    let failure = client.refusal(Kind::ProcessFreeze, &given)?;
    let said = failure.problems.first().context("it says why")?;
    assert!(said.message.contains(reason), "{target}: {said}");
    assert!(said.hint.is_some(), "{target}: {said}");
    assert_eq!(failure.class.exit_code(), code, "{target}: {said}");
    Ok(())
}

#[test]
fn who_shares_a_cgroup_is_not_frozen_with_others() -> Result<()> {
    for_each_freezer(|flavour| {
        let cgroup = Cgroup::make(flavour, "shared")?;
        let stage = Stage::set()?;
        cgroup.enter(stage.client.pid())?;
        cgroup.enter(stage.other.pid())?;
        let mut client = stage.engine.client()?;
        let target = format!("pid:{}", stage.client.pid());
        let reason = format!("also holds process {}", stage.other.pid());
        check_refused(&mut client, &target, 3, &reason)?;
        assert_eq!(cgroup.state()?, Frozen::Thawed);
        stage.close()
    })
}

/// As a runtime does it: into one hierarchy, and a moment later into the next.
#[test]
fn who_is_on_the_way_into_the_target_is_waited_for() -> Result<()> {
    if !Cgroup::is_possible(Flavour::V1)? {
        // There is only one hierarchy to enter.
        return Ok(());
    }
    let hierarchies = [Flavour::V1, Flavour::V2].map(|flavour| Cgroup::make(flavour, "enters"));
    let [first, second] = hierarchies;
    let (first, second) = (first?, second?);
    let stage = Stage::set()?;
    first.enter(stage.client.pid())?;
    second.enter(stage.client.pid())?;
    let mut client = stage.engine.client()?;
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        let moving = scope.spawn(|| {
            while !enough.load(Ordering::Relaxed) {
                let newcomer = Actor::start_in(&stage.world.other.netns)?;
                first.enter(newcomer.pid())?;
                poll(&mut [], PollTimeout::from(3_u8))?;
                second.enter(newcomer.pid())?;
                drop(newcomer);
                poll(&mut [], PollTimeout::from(50_u8))?;
            }
            anyhow::Ok(())
        });
        let armed = (0..30).try_for_each(|_| {
            let armed = freeze(&mut client, &second.target(), &PULSES)?;
            client.stop_one(&armed).map(drop)
        });
        enough.store(true, Ordering::Relaxed);
        let moved = moving.join();
        moved.map_err(|panic| anyhow::anyhow!("{panic:?}"))??;
        armed
    })?;
    stage.close()
}

#[test]
fn the_root_cgroup_and_our_own_are_not_frozen() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    check_refused(&mut client, "cgroup:/", 3, "the root cgroup")?;
    let target = format!("pid:{}", stage.client.pid());
    check_refused(&mut client, &target, 3, "no cgroup can be frozen")?;
    let home = format!("cgroup:/temblor-keeper-{}", stage.engine.pid());
    check_refused(&mut client, &home, 3, "is protected")?;
    stage.close()
}

#[test]
fn what_somebody_else_froze_is_refused_and_stays_frozen() -> Result<()> {
    for_each_freezer(|flavour| {
        let cgroup = Cgroup::make(flavour, "frozen")?;
        let mut stage = Stage::set()?;
        cgroup.enter(stage.client.pid())?;
        cgroup.freezer()?.freeze(&permit_housekeeping())?;
        wait_until("the cgroup is frozen", DEADLINE, || {
            matches!(cgroup.state(), Ok(Frozen::Frozen))
        })?;
        let mut client = stage.engine.client()?;
        check_refused(&mut client, &cgroup.target(), 3, "is frozen already")?;
        assert_eq!(cgroup.state()?, Frozen::Frozen);
        cgroup.freezer()?.thaw()?;
        assert!(stage.client.udp_times(stage.echoes[0], 1)?[0].is_some());
        stage.close()
    })
}

#[test]
fn a_stranger_who_joins_in_mid_freeze_ends_up_thawed() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "joins")?;
    let mut stage = Stage::set()?;
    cgroup.enter(stage.client.pid())?;
    let mut stranger = Actor::start_in(&stage.world.other.netns)?;
    let mut client = stage.engine.client()?;
    let given = [("active", "500ms"), ("count", "1")];
    let armed = freeze(&mut client, &cgroup.target(), &given)?;
    cgroup.enter(stranger.pid())?;
    await_end(&mut client, &armed.fault)?;
    let to = stage.echoes[0];
    for actor in [&mut stranger, &mut stage.client] {
        let times = actor.udp_times(to, 1)?;
        assert!(times[0].is_some_and(|time| time < 1_000_000), "{times:?}");
    }
    drop(stranger);
    stage.close()
}

#[test]
fn a_delay_before_is_waited_for() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "later")?;
    let mut stage = Stage::set()?;
    cgroup.enter(stage.client.pid())?;
    let mut client = stage.engine.client()?;
    let given = [("active", "30s"), ("count", "1"), ("delay", "600ms")];
    let armed = freeze(&mut client, &cgroup.target(), &given)?;
    assert_eq!(client.snapshot(&armed.fault)?.state, State::Pending);
    let waited = wait_until("the cgroup is frozen", DEADLINE, || {
        matches!(cgroup.state(), Ok(Frozen::Frozen))
    })?;
    assert!(waited > Duration::from_millis(200), "only {waited:?}");
    wait_until("the engine has noticed", DEADLINE, || {
        let report = client.snapshot(&armed.fault);
        report.is_ok_and(|report| report.state == State::Active)
    })?;
    client.stop_one(&armed)?;
    let times = stage.client.udp_times(stage.echoes[0], 1)?;
    assert!(times[0].is_some());
    stage.close()
}
