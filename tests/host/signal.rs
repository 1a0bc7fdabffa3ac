//! `process.signal` through the engine: who gets the signals, and who never does.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use injector_user::protocol::{Ended, FaultReport, State};
use injector_user::safety::undo::{self, recover};
use nix::sys::signal::Signal;
use temblor_tests::order::{Doer, Order, Outcome};
use temblor_tests::{Actor, Armed, Cgroup, Client, Victim, params, signal, wait_until};
use tempfile::TempDir;

use super::double::is_stopped;
use super::stage::{DEADLINE, Stage, await_end};

const USR1: i32 = 10;
const SOON: Duration = Duration::from_millis(200);

/// Arms `process.signal` with these parameters.
fn send(client: &mut Client, target: &str, more: &[(&str, &str)]) -> Result<Armed> {
    let basic = [("target", target), ("duration", "30s")];
    let given = params(basic.into_iter().chain(more.to_vec()));
    client.arm(Kind::ProcessSignal, &given)
}

/// Who got the signal, in the order of arrival.
struct Notes {
    _folder: TempDir,
    file: PathBuf,
}

impl Notes {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("caught");
        fs::write(&file, "")?;
        Ok(Self {
            _folder: folder,
            file,
        })
    }

    fn order(&self) -> Order {
        Order::Catch {
            number: USR1,
            file: self.file.clone(),
        }
    }

    fn of(&self, actor: &mut Actor) -> Result<()> {
        actor.order(&self.order()).map(drop)
    }

    fn read(&self) -> Result<Vec<i32>> {
        let text = fs::read_to_string(&self.file)?;
        text.lines().map(|line| Ok(line.parse()?)).collect()
    }

    fn await_lines(&self, count: usize) -> Result<Vec<i32>> {
        wait_until("the signals have been noted", DEADLINE, || {
            self.read().is_ok_and(|lines| lines.len() >= count)
        })?;
        self.read()
    }
}

/// A child of the actor that notes signals as its parent does.
fn child_of(actor: &mut Actor, notes: &Notes) -> Result<i32> {
    let Outcome::Born { pid } = actor.order(&Order::Bear)? else {
        anyhow::bail!("it has no child");
    };
    let order = Box::new(notes.order());
    let doer = Doer::Child;
    actor.order(&Order::By { doer, order })?;
    Ok(pid)
}

fn is_finished(report: &FaultReport) -> bool {
    let how = Ended::Finished;
    report.state == State::Ended { how }
}

#[test]
fn the_whole_tree_gets_it_in_turn_and_nobody_else() -> Result<()> {
    let (notes, beside) = (Notes::new()?, Notes::new()?);
    let mut stage = Stage::set()?;
    notes.of(&mut stage.client)?;
    beside.of(&mut stage.other)?;
    let pids = [stage.client.pid(), child_of(&mut stage.client, &notes)?];
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", pids[0]);
    let rounds = [
        ("signal", "USR1"),
        ("stagger", "40ms"),
        ("interval", "200ms"),
        ("count", "3"),
    ];
    let armed = send(&mut client, &target, &rounds)?;
    let report = await_end(&mut client, &armed.fault)?;
    assert!(is_finished(&report), "{report:?}");
    assert_eq!((report.rounds, report.counters.injected), (Some(3), 6));
    let hit: Vec<_> = report.suffered.iter().map(|one| one.injected).collect();
    assert_eq!(hit, [3, 3], "{report:?}");
    // The oldest first.
    assert_eq!(notes.await_lines(6)?, pids.repeat(3));
    assert_eq!(beside.read()?, Vec::<i32>::new());
    stage.close()
}

#[test]
fn one_round_is_all_without_an_interval() -> Result<()> {
    let notes = Notes::new()?;
    let mut stage = Stage::set()?;
    notes.of(&mut stage.client)?;
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", stage.client.pid());
    let armed = send(&mut client, &target, &[("signal", "SIGUSR1")])?;
    let report = await_end(&mut client, &armed.fault)?;
    assert!(is_finished(&report), "{report:?}");
    assert_eq!(notes.await_lines(1)?, [stage.client.pid()]);
    stage.close()
}

#[test]
fn who_joins_or_is_born_later_is_met_too() -> Result<()> {
    let notes = Notes::new()?;
    let cgroup = Cgroup::make(Flavour::V2, "joins")?;
    let mut stage = Stage::set()?;
    cgroup.enter(stage.client.pid())?;
    notes.of(&mut stage.client)?;
    let mut joins = Actor::start_in(&stage.world.other.netns)?;
    notes.of(&mut joins)?;
    let mut client = stage.engine.client()?;
    let often = [("signal", "USR1"), ("interval", "20ms")];
    let armed = send(&mut client, &cgroup.target(), &often)?;
    notes.await_lines(2)?;
    assert_eq!(
        notes.read()?.into_iter().collect::<BTreeSet<_>>(),
        [stage.client.pid()].into()
    );
    cgroup.enter(joins.pid())?;
    wait_until("the newcomer is met", DEADLINE, || {
        notes.read().is_ok_and(|lines| lines.contains(&joins.pid()))
    })?;
    client.stop_one(&armed)?;
    let met = notes.read()?.len();
    let report = client.snapshot(&armed.fault)?;
    assert_eq!(report.suffered.len(), 2, "{report:?}");
    assert!(stage.client.udp_times(stage.echoes[0], 1)?[0].is_some());
    assert_eq!(notes.read()?.len(), met, "nothing after the end");
    drop(joins);
    stage.close()
}

#[test]
fn the_protected_are_never_met_even_if_they_join_later() -> Result<()> {
    let (notes, spared) = (Notes::new()?, Notes::new()?);
    let cgroup = Cgroup::make(Flavour::V2, "sshd")?;
    let mut stage = Stage::set()?;
    let mut sshd = Actor::start_as("sshd", &stage.world.other.netns)?;
    spared.of(&mut sshd)?;
    cgroup.enter(stage.client.pid())?;
    notes.of(&mut stage.client)?;
    let mut client = stage.engine.client()?;
    let often = [("signal", "USR1"), ("interval", "20ms")];
    let armed = send(&mut client, &cgroup.target(), &often)?;
    cgroup.enter(sshd.pid())?;
    let rounds = client.snapshot(&armed.fault)?.rounds.unwrap_or_default();
    wait_until("some rounds have passed", DEADLINE, || {
        let now = client.snapshot(&armed.fault);
        now.is_ok_and(|now| now.rounds.unwrap_or_default() >= rounds + 3)
    })?;
    let report = client.stop_one(&armed)?;
    let said = "a protected process was left alone";
    assert!(
        report.warnings.iter().any(|warning| warning.contains(said)),
        "{report:?}"
    );
    assert_eq!(spared.read()?, Vec::<i32>::new());
    drop(sshd);
    stage.close()
}

#[test]
fn who_was_stopped_by_somebody_else_stays_stopped() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "stopped")?;
    let stage = Stage::set()?;
    let (mut ours, theirs) = (Victim::start()?, Victim::start()?);
    cgroup.enter(ours.pid())?;
    cgroup.enter(theirs.pid())?;
    signal(theirs.pid(), Signal::SIGSTOP)?;
    wait_until("it stands still", DEADLINE, || is_stopped(theirs.pid()))?;
    let mut client = stage.engine.client()?;
    let armed = send(&mut client, &cgroup.target(), &[("signal", "STOP")])?;
    wait_until("ours does too", DEADLINE, || is_stopped(ours.pid()))?;
    assert!(!ours.answers(SOON)?);
    let entries = stage.engine.undo_entries()?;
    let entry = |word: &str| {
        entries
            .iter()
            .any(|file| file.to_string_lossy().contains(word))
    };
    assert!(entry("continue-"), "{entries:?}");
    let report = client.stop_one(&armed)?;
    assert_eq!(report.counters.injected, 1, "{report:?}");
    let said = "a process that somebody else had stopped was left alone";
    assert!(
        report.warnings.iter().any(|warning| warning.contains(said)),
        "{report:?}"
    );
    assert!(ours.answers(DEADLINE)?);
    assert!(is_stopped(theirs.pid()));
    signal(theirs.pid(), Signal::SIGCONT)?;
    drop((ours, theirs));
    stage.close()
}

#[test]
fn without_engine_and_keeper_the_undo_log_continues_them() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut victim = Victim::start()?;
    let mut client = stage.engine.client()?;
    send(
        &mut client,
        &format!("pid:{}", victim.pid()),
        &[("signal", "STOP")],
    )?;
    wait_until("it stands still", DEADLINE, || is_stopped(victim.pid()))?;
    stage.engine.lose()?;
    assert!(!victim.answers(SOON)?);
    let outcomes = recover(&stage.engine.run_dir().join("undo"))?;
    let continued = |outcome: &&undo::Outcome| outcome.effect == Some(undo::Effect::Continue);
    let outcome = outcomes.iter().find(continued).context("it was recorded")?;
    assert_eq!(outcome.ending, undo::Ending::Undone);
    assert!(victim.answers(DEADLINE)?);
    let rest = fs::read_dir(stage.engine.run_dir().join("undo"))?.count();
    assert_eq!(rest, 0, "nothing is left of entry and list");
    drop(victim);
    stage.close()
}

#[test]
fn the_same_seed_chooses_the_same_rounds_of_each_process() -> Result<()> {
    let notes = Notes::new()?;
    let mut stage = Stage::set()?;
    notes.of(&mut stage.client)?;
    child_of(&mut stage.client, &notes)?;
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", stage.client.pid());
    let half = [
        ("signal", "USR1"),
        ("interval", "5ms"),
        ("count", "30"),
        ("probability", "50%"),
        ("seed", "7"),
    ];
    let mut reports = Vec::new();
    for _ in 0..2 {
        let armed = send(&mut client, &target, &half)?;
        reports.push(await_end(&mut client, &armed.fault)?);
    }
    let [one, two] = &reports[..] else {
        anyhow::bail!("two were asked for");
    };
    assert_eq!(
        (&one.counters, &one.suffered),
        (&two.counters, &two.suffered)
    );
    assert!((10..50).contains(&one.counters.injected), "{one:?}");
    stage.close()
}
