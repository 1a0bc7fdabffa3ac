//! The event log, and the same again by a report: the same hits of the same streams.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use injector_user::freezer::Flavour;
use injector_user::protocol::State;
use serde_json::Value;
use temblor_tests::order::{Doer, SocketCall};
use temblor_tests::{Cgroup, Victim, finish, wait_until};

use super::stage::{DEADLINE, Stage};

/// A folder for what two runs write.
struct Papers {
    folder: tempfile::TempDir,
}

impl Papers {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }
}

/// The injections of a log as (stream, hit), and what its last line says.
fn read(log: &Path) -> Result<(Vec<(u64, u64)>, Value)> {
    let text = fs::read_to_string(log)?;
    let mut lines: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let last = lines.pop().context("a log has a last line")?;
    let number = |line: &Value, name: &str| line[name].as_u64().context("a number");
    let hit = |line: &Value| Ok((number(line, "stream")?, number(line, "hit")?));
    let hits = lines.iter().map(hit).collect::<Result<_>>()?;
    Ok((hits, last))
}

/// Injects what `words` say with a log, does `work` once it acts, and ends it unless it ends by itself.
fn log_of(
    stage: &mut Stage,
    papers: &Papers,
    name: &str,
    words: &[&str],
    work: Option<&dyn Fn(&mut Stage) -> Result<()>>,
) -> Result<Vec<(u64, u64)>> {
    let log = papers.text(&format!("{name}.events"));
    let all: Vec<&str> = ["inject", "--json", "--events", &log]
        .into_iter()
        .chain(words.iter().copied())
        .collect();
    let command = stage.cli().start(&all)?;
    if let Some(work) = work {
        let mut observer = stage.engine.client()?;
        wait_until("the fault acts", DEADLINE, || {
            let status = observer.status();
            status.is_ok_and(|(_, faults)| faults.iter().any(|one| one.state == State::Active))
        })?;
        work(stage)?;
        observer.stop(injector_user::protocol::Which::All)?;
    }
    let said = finish(command)?;
    ensure!(said.code == Some(0), "{said:?}");
    fs::write(papers.path(&format!("{name}.json")), &said.out)?;
    let (hits, last) = read(Path::new(&log))?;
    let report = said.json()?;
    assert_eq!(report["counters"]["injected"], hits.len(), "{report}");
    assert_eq!(
        (&last["lost"], &report["events_lost"]),
        (&0.into(), &0.into())
    );
    assert_eq!(last["events"], hits.len());
    ensure!(hits.len() > 2, "{hits:?} prove nothing");
    Ok(hits)
}

/// Injects, and again by the report: the logs agree.
fn check_same(
    stage: &mut Stage,
    words: &[&str],
    work: Option<&dyn Fn(&mut Stage) -> Result<()>>,
) -> Result<()> {
    let papers = Papers::new()?;
    let first = log_of(stage, &papers, "first", words, work)?;
    let report = papers.text("first.json");
    let second = log_of(stage, &papers, "second", &["--replay", &report], work)?;
    assert_eq!(first, second);
    Ok(())
}

#[test]
fn lost_packets_are_the_same_again() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = [
        "net.loss",
        "--target",
        &*target,
        "--peers",
        "10.77.0.0/16",
        "--protocol",
        "udp",
        "--probability",
        "30%",
        "--duration",
        "60s",
    ];
    let work = |stage: &mut Stage| stage.client.datagrams(stage.echoes[0], 100).map(drop);
    check_same(&mut stage, &words, Some(&work))?;
    stage.close()
}

#[test]
fn failing_calls_of_two_processes_are_the_same_again() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = format!("pid:{}", stage.client.pid());
    let words = [
        "sock.error",
        "--target",
        &*target,
        "--operation",
        "connect",
        "--errno",
        "ECONNREFUSED",
        "--probability",
        "40%",
        "--duration",
        "60s",
    ];
    let work = |stage: &mut Stage| {
        let to = stage.echoes[0];
        for _ in 0..5 {
            stage.client.calls(SocketCall::Connect, to, 4)?;
            stage.client.calls_by(Doer::Child, to, 4)?;
        }
        Ok(())
    };
    check_same(&mut stage, &words, Some(&work))?;
    stage.close()
}

#[test]
fn pulses_are_the_same_again() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "again")?;
    let mut stage = Stage::set()?;
    let victim = Victim::start()?;
    cgroup.enter(victim.pid())?;
    let target = cgroup.target();
    let words = [
        "process.freeze",
        "--target",
        &*target,
        "--active",
        "5ms",
        "--dormant",
        "5ms",
        "--count",
        "20",
        "--probability",
        "50%",
        "--duration",
        "20s",
    ];
    check_same(&mut stage, &words, None)?;
    drop(victim);
    stage.close()
}

#[test]
fn signals_are_the_same_again_for_another_process_too() -> Result<()> {
    let mut stage = Stage::set()?;
    let papers = Papers::new()?;
    let (one, other) = (Victim::start()?, Victim::start()?);
    let target = format!("pid:{}", one.pid());
    let words = [
        "process.signal",
        "--target",
        &*target,
        "--signal",
        "CONT",
        "--interval",
        "5ms",
        "--count",
        "20",
        "--probability",
        "50%",
        "--duration",
        "20s",
    ];
    let first = log_of(&mut stage, &papers, "first", &words, None)?;
    let report = papers.text("first.json");
    let target = format!("pid:{}", other.pid());
    let words = ["process.signal", "--replay", &report, "--target", &target];
    assert_eq!(log_of(&mut stage, &papers, "second", &words, None)?, first);
    drop((one, other));
    stage.close()
}

/// An experiment of two faults in a row on one process.
fn experiment(pid: i32, probability: &str) -> String {
    let fault = |name: &str| {
        format!(
            "- type: action\n  name: {name}\n  provider:\n    type: temblor\n    \
             fault: process.signal\n    target: pid:{pid}\n    signal: CONT\n    \
             interval: 5ms\n    count: 20\n    probability: {probability}\n    \
             duration: 20s\n    wait: true\n"
        )
    };
    format!(
        "title: twice\ndescription: the same again\nmethod:\n{}{}",
        fault("one"),
        fault("two")
    )
}

#[test]
fn an_experiment_is_the_same_again_and_another_is_refused() -> Result<()> {
    let stage = Stage::set()?;
    let papers = Papers::new()?;
    let victim = Victim::start()?;
    fs::write(papers.path("e.yaml"), experiment(victim.pid(), "50%"))?;
    fs::write(papers.path("other.yaml"), experiment(victim.pid(), "60%"))?;
    let run = |name: &str, file: &str, replay: Option<&str>| {
        let log = papers.text(&format!("{name}.events"));
        let (out, file) = (papers.text(name), papers.text(file));
        let mut words = vec!["run", "--out", &out, "--events", &log];
        words.extend(replay.into_iter().flat_map(|report| ["--replay", report]));
        words.push(&file);
        let said = stage.cli().run(&words)?;
        Ok::<_, anyhow::Error>((said, log))
    };
    let (said, first) = run("first", "e.yaml", None)?;
    ensure!(said.code == Some(0), "{said:?}");
    let report = papers.text("first/report.json");
    let (said, second) = run("second", "e.yaml", Some(&report))?;
    ensure!(said.code == Some(0), "{said:?}");
    let hits = |log: &str| -> Result<Vec<(String, u64, u64)>> {
        let text = fs::read_to_string(log)?;
        let lines = text.lines().map(serde_json::from_str::<Value>);
        let lines: Vec<Value> = lines.collect::<Result<_, _>>()?;
        let told = lines.iter().filter(|line| line["hit"].is_u64());
        let one = |line: &Value| {
            let number = |name: &str| line[name].as_u64().unwrap_or_default();
            (line["name"].to_string(), number("stream"), number("hit"))
        };
        Ok(told.map(one).collect())
    };
    assert_eq!(hits(&first)?, hits(&second)?);
    assert!(hits(&first)?.len() > 4);
    let (said, _) = run("third", "other.yaml", Some(&report))?;
    assert_eq!(said.code, Some(2), "{said:?}");
    let expected = "`one` is not what the report says: probability 0.5 instead of 0.6";
    assert!(said.err.contains(expected), "{said:?}");
    drop(victim);
    stage.close()
}
