//! Units, programs and users as targets, with every family of faults.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, bail};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use injector_user::protocol::{Ended, FaultReport, State};
use temblor_tests::order::{Order, Outcome, SocketCall, Times};
use temblor_tests::{Actor, Armed, Cgroup, Client, params, wait_until};

use super::feel::{DELAY, ERROR, FELT, REFUSED, more, suffers};
use super::stage::{DEADLINE, Stage, await_end};

/// A user that has no name here.
const SOMEBODY: u32 = 54_321;

/// One target and one sibling with programs, users, units and namespaces of their own.
#[derive(Debug)]
struct Scene {
    stage: Stage,
    target: Actor,
    sibling: Actor,
    unit: Cgroup,
    _other_unit: Cgroup,
    folder: tempfile::TempDir,
}

impl Scene {
    fn set() -> Result<Self> {
        let unit = Cgroup::make(Flavour::V2, "web.service")?;
        let other_unit = Cgroup::make(Flavour::V2, "db.service")?;
        let mut stage = Stage::set()?;
        // The namespaces belong to these two alone.
        stage.client.end()?;
        stage.other.end()?;
        let folder = tempfile::tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let target = start(&folder, "tt-web", &stage, SOMEBODY)?;
        let other = &stage.world.other.netns;
        let sibling = Actor::start_copy(folder.path(), "tt-db", other, SOMEBODY + 1)?;
        unit.enter(target.pid())?;
        other_unit.enter(sibling.pid())?;
        Ok(Self {
            stage,
            target,
            sibling,
            unit,
            _other_unit: other_unit,
            folder,
        })
    }

    /// The target in the words of every selector.
    fn selectors(&self) -> Vec<String> {
        let unit = self.unit.path().replace('/', "");
        let exe = self.folder.path().join("tt-web");
        vec![
            format!("unit:{unit}"),
            format!("unit:~^{}$", unit.replace('.', "\\.")),
            "comm:tt-web".to_owned(),
            "comm:~^tt-w".to_owned(),
            format!("exe:{}", exe.display()),
            format!("exe:~{}$", exe.display()),
            format!("user:{SOMEBODY}"),
        ]
    }

    fn close(self) -> Result<()> {
        let Self {
            stage,
            target,
            sibling,
            ..
        } = self;
        drop((target, sibling));
        stage.close()
    }
}

fn start(folder: &tempfile::TempDir, name: &str, stage: &Stage, uid: u32) -> Result<Actor> {
    Actor::start_copy(folder.path(), name, &stage.world.client.netns, uid)
}

fn arm(client: &mut Client, kind: Kind, target: &str, more: &[(&str, &str)]) -> Result<Armed> {
    let basic = [("target", target), ("duration", "60s")];
    let armed = client.arm(kind, &params(basic.into_iter().chain(more.to_vec())));
    armed.with_context(|| format!("{kind} {target}"))
}

const PULSES: [(&str, &str); 3] = [("active", "300ms"), ("dormant", "100ms"), ("count", "2")];

#[test]
fn every_fault_fits_every_selector() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.stage.engine.client()?;
    let to = scene.stage.echoes[0];
    for target in scene.selectors() {
        for kind in FELT {
            let armed = arm(&mut client, kind, &target, more(kind))?;
            assert!(suffers(&mut scene.target, kind, to)?, "{kind} {target}");
            assert!(!suffers(&mut scene.sibling, kind, to)?, "{kind} {target}");
            client.stop_one(&armed)?;
            assert!(!suffers(&mut scene.target, kind, to)?, "{kind} {target}");
        }
    }
    scene.close()
}

/// Whoever gets the signal stands still until the fault is over.
#[test]
fn processes_of_every_selector_are_sent_signals() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.stage.engine.client()?;
    scene.target.order(&Order::Tick)?;
    scene.sibling.order(&Order::Tick)?;
    for target in scene.selectors() {
        let given = [
            ("target", &*target),
            ("duration", "400ms"),
            ("signal", "STOP"),
        ];
        let armed = client.arm(Kind::ProcessSignal, &params(given))?;
        let report = await_end(&mut client, &armed.fault)?;
        assert_eq!(report.counters.injected, 1, "{report:?}");
        assert_eq!(scene.target.pauses(250)?.len(), 1, "{target}");
        assert_eq!(scene.sibling.pauses(250)?, [0; 0], "{target}");
    }
    scene.close()
}

#[test]
fn processes_of_every_selector_stand_still() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.stage.engine.client()?;
    scene.target.order(&Order::Tick)?;
    scene.sibling.order(&Order::Tick)?;
    for target in scene.selectors() {
        let armed = arm(&mut client, Kind::ProcessFreeze, &target, &PULSES)?;
        let report = await_end(&mut client, &armed.fault)?;
        assert_eq!(report.pulses, Some(2), "{report:?}");
        assert_eq!(scene.target.pauses(250)?.len(), 2, "{target}");
        assert_eq!(scene.sibling.pauses(250)?, [0; 0], "{target}");
    }
    scene.close()
}

#[test]
fn a_mode_chooses_one_of_two_by_the_seed() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.stage.engine.client()?;
    let given = |seed| {
        params(
            [("target", "comm:~^tt-"), ("duration", "60s"), seed]
                .into_iter()
                .chain(ERROR),
        )
    };
    let failure = client.refusal(Kind::SockError, &given(("seed", "1")))?;
    let message = &failure.problems[0].message;
    assert!(message.contains("means 2 things"), "{message}");
    let mut suffered = std::collections::BTreeSet::new();
    for seed in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        let mut given = given(("seed", seed));
        given.insert("mode".to_owned(), "one".to_owned());
        let armed = client.arm(Kind::SockError, &given)?;
        let chosen = armed.plan.chosen.clone().context("somebody was chosen")?;
        assert_eq!((chosen.things.len(), chosen.of), (1, 2));
        let to = scene.stage.echoes[0];
        let fails = |actor: &mut Actor| -> Result<bool> {
            Ok(actor.calls(SocketCall::Connect, to, 1)? == [REFUSED])
        };
        let felt = (fails(&mut scene.target)?, fails(&mut scene.sibling)?);
        let first = chosen.things[0].name == format!("process {}", scene.target.pid());
        assert_eq!(felt, (first, !first));
        suffered.insert(first);
        client.stop_one(&armed)?;
    }
    assert_eq!(
        suffered.len(),
        2,
        "both were drawn by one seed or the other"
    );
    scene.close()
}

fn await_moved(client: &mut Client, armed: &Armed) -> Result<FaultReport> {
    let mut last = None;
    wait_until("the fault has followed its target", DEADLINE, || {
        last = client.snapshot(&armed.fault).ok();
        let warnings = last.iter().flat_map(|report| &report.warnings);
        warnings
            .into_iter()
            .any(|text| text.contains("was followed"))
    })?;
    last.context("the engine has its report")
}

#[test]
fn a_program_that_is_started_again_suffers_again() -> Result<()> {
    let mut scene = Scene::set()?;
    let to = scene.stage.echoes[0];
    for (kind, target) in [
        (Kind::SockError, "comm:tt-web".to_owned()),
        (Kind::NetLoss, "comm:tt-web".to_owned()),
        (Kind::SockError, format!("user:{SOMEBODY}")),
    ] {
        let mut client = scene.stage.engine.client()?;
        let more: &[_] = if kind == Kind::SockError { &ERROR } else { &[] };
        let armed = arm(&mut client, kind, &target, more)?;
        let suffers = |actor: &mut Actor| -> Result<bool> {
            Ok(match kind {
                Kind::SockError => actor.calls(SocketCall::Connect, to, 1)? == [REFUSED],
                _ => actor.datagrams(to, 3)?.0.is_empty(),
            })
        };
        assert!(suffers(&mut scene.target)?, "{kind} {target}");
        let before = client.snapshot(&armed.fault)?.counters.injected;
        scene.target.end()?;
        scene.target = start(&scene.folder, "tt-web", &scene.stage, SOMEBODY)?;
        if kind == Kind::SockError {
            await_moved(&mut client, &armed)?;
        }
        let target = &mut scene.target;
        wait_until("the new one suffers", DEADLINE, || {
            suffers(target).is_ok_and(|yes| yes)
        })?;
        assert!(!suffers(&mut scene.sibling)?, "{kind}");
        let report = client.stop_one(&armed)?;
        assert!(report.counters.injected > before, "{report:?}");
        assert!(!suffers(&mut scene.target)?, "{kind}");
    }
    scene.close()
}

#[test]
fn a_program_that_does_not_come_back_ends_its_fault() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.stage.engine.client()?;
    for (kind, more) in [
        (Kind::NetLoss, &[][..]),
        (Kind::SockError, &ERROR),
        (Kind::NetDelay, &DELAY),
    ] {
        let armed = arm(&mut client, kind, "comm:tt-web", more)?;
        scene.target.end()?;
        let report = await_end(&mut client, &armed.fault)?;
        let how = Ended::TargetGone;
        assert_eq!(report.state, State::Ended { how }, "{kind}");
        scene.target = start(&scene.folder, "tt-web", &scene.stage, SOMEBODY)?;
    }
    scene.close()
}

/// Meanwhile nothing of the target's slips through.
#[test]
fn a_stranger_who_moves_in_is_left_alone() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.stage.engine.client()?;
    let to = scene.stage.echoes[0];
    let [unit, .., user] = &scene.selectors()[..] else {
        unreachable!("a unit and a user are among them");
    };
    let pid = format!("pid:{}", scene.target.pid());
    let loss: fn(&Option<u64>) -> bool = Option::is_none;
    let delay: fn(&Option<u64>) -> bool = |time| time.is_some_and(|time| time >= 30_000);
    for target in [unit, user, &pid, &scene.unit.target()] {
        for (kind, is_felt) in [(Kind::NetLoss, loss), (Kind::NetDelay, delay)] {
            let armed = arm(&mut client, kind, target, more(kind))?;
            let long = Times {
                to,
                count: 100,
                patience_ms: 40,
            };
            scene.target.begin(&Order::UdpTimes(long))?;
            let mut stranger = Actor::start_in(&scene.stage.world.client.netns)?;
            wait_until("the stranger is left alone", DEADLINE, || {
                suffers(&mut stranger, kind, to).is_ok_and(|yes| !yes)
            })?;
            let Outcome::Times { microseconds } = scene.target.finish()? else {
                bail!("it was to tell times");
            };
            assert!(microseconds.iter().all(is_felt), "{kind} {microseconds:?}");
            assert!(suffers(&mut scene.target, kind, to)?, "{kind} {target}");
            client.stop_one(&armed)?;
            assert!(!suffers(&mut scene.target, kind, to)?, "{kind} {target}");
        }
    }
    scene.close()
}

#[test]
fn a_service_that_is_restarted_suffers_again() -> Result<()> {
    let mut scene = Scene::set()?;
    let to = scene.stage.echoes[0];
    let name = "restarted.service";
    for kind in [Kind::SockError, Kind::NetLoss] {
        let more: &[_] = if kind == Kind::SockError { &ERROR } else { &[] };
        let unit = Cgroup::make(Flavour::V2, name)?;
        unit.enter(scene.target.pid())?;
        let target = format!("unit:~{name}$");
        let mut client = scene.stage.engine.client()?;
        let armed = arm(&mut client, kind, &target, more)?;
        let suffers = |actor: &mut Actor| -> Result<bool> {
            Ok(match kind {
                Kind::SockError => actor.calls(SocketCall::Connect, to, 1)? == [REFUSED],
                _ => actor.datagrams(to, 3)?.0.is_empty(),
            })
        };
        assert!(suffers(&mut scene.target)?, "{kind}");
        scene.target.end()?;
        // As systemd does: the cgroup goes with the last process and comes with the next.
        drop(unit);
        let unit = Cgroup::make(Flavour::V2, name)?;
        scene.target = start(&scene.folder, "tt-web", &scene.stage, SOMEBODY)?;
        unit.enter(scene.target.pid())?;
        let target = &mut scene.target;
        wait_until("the new one suffers", DEADLINE, || {
            suffers(target).is_ok_and(|yes| yes)
        })?;
        assert!(!suffers(&mut scene.sibling)?, "{kind}");
        client.stop_one(&armed)?;
        assert!(!suffers(&mut scene.target)?, "{kind}");
        scene.unit.enter(scene.target.pid())?;
    }
    scene.close()
}

#[test]
fn a_service_that_is_frozen_and_restarted_stands_still_again() -> Result<()> {
    let mut scene = Scene::set()?;
    let mut client = scene.stage.engine.client()?;
    let unit = Cgroup::make(Flavour::V2, "icy.service")?;
    unit.enter(scene.target.pid())?;
    let pulses = [("active", "300ms"), ("dormant", "200ms")];
    let armed = arm(
        &mut client,
        Kind::ProcessFreeze,
        "unit:~icy.service$",
        &pulses,
    )?;
    scene.target.end()?;
    drop(unit);
    let unit = Cgroup::make(Flavour::V2, "icy.service")?;
    scene.target = start(&scene.folder, "tt-web", &scene.stage, SOMEBODY)?;
    unit.enter(scene.target.pid())?;
    scene.target.order(&Order::Tick)?;
    await_moved(&mut client, &armed)?;
    let done = client.snapshot(&armed.fault)?.counters.injected;
    wait_until("it stands still again", DEADLINE, || {
        let report = client.snapshot(&armed.fault);
        report.is_ok_and(|report| report.counters.injected >= done + 3)
    })?;
    client.stop_one(&armed)?;
    assert!(scene.target.pauses(250)?.len() >= 2);
    scene.unit.enter(scene.target.pid())?;
    drop(unit);
    scene.close()
}
