//! How long one command takes to arm faults on 64 targets, the engine running.
//!
//! From when the command is started as a process to when the last fault was armed, as the engine noted
//! it on the same clock. Twice: an experiment with 64 actions, each on one of 64 network namespaces; and
//! one `inject` whose one selector means all of them, a cgroup with a process in each. No fault is at
//! any of these interfaces before, so that a program is attached to each and the kernel waits each time
//! (see `arming`). There is no peer. While it is waited for, the engine is asked what is armed ten times
//! a second, which is in the figure.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use injector_user::clock::monotonic_ns;
use injector_user::protocol::{FaultReport, Which};
use injector_user::sys::poll;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::crowd::{Crowd, MANY};
use super::row::{Row, Rows};
use super::statistics::{median, microseconds, percentile};
use super::suite::Effort;
use crate::client::Client;
use crate::engine::{Engine, signal, temblor_program};

const ROUNDS: usize = 20;
const AIM_MS: f64 = 300.0;
/// How often the engine is asked.
const LOOK: Duration = Duration::from_millis(100);
/// Looks after which it is given up.
const PATIENCE: usize = 300;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let (crowd, engine) = (Crowd::gather("many")?, Engine::start()?);
    let folder = tempfile::tempdir()?;
    let experiment = folder.path().join("many.json");
    fs::write(&experiment, self::experiment(&crowd).to_string())?;
    let file = experiment.to_string_lossy().into_owned();
    let out = folder.path().join("out").to_string_lossy().into_owned();
    let target = crowd.target();
    let inject = [
        "inject",
        "net.loss",
        "--all",
        "--duration",
        "30s",
        "--target",
    ];
    let inject: Vec<&str> = inject.into_iter().chain([target.as_str()]).collect();
    let cases = [
        (
            "an experiment with 64 actions",
            vec!["run", "--out", &out, &file],
            MANY,
        ),
        ("one inject on 64 namespaces", inject, 1),
    ];
    let rows = cases
        .iter()
        .map(|(metric, words, faults)| case(effort, &engine, metric, words, *faults));
    rows.collect()
}

fn case(
    effort: Effort,
    engine: &Engine,
    metric: &str,
    words: &[&str],
    faults: usize,
) -> Result<Row> {
    let (rounds, mut times) = (effort.rounds(ROUNDS), Vec::new());
    // The first one loads programs and files.
    for number in 0..=rounds {
        let time = round(engine, words, faults)?;
        if number > 0 {
            times.push(time);
            effort.progress(&format!("{metric}: {number} of {rounds}"));
        }
    }
    let note = format!("median; p95 {:.0} ms", percentile(&times, 0.95));
    let metric = format!("{metric}: start to all armed");
    let row = Row::new(metric, "ms", median(&times), rounds);
    Ok(row.at_most(AIM_MS).note(note))
}

/// Milliseconds from the start of the command to the last fault.
fn round(engine: &Engine, words: &[&str], faults: usize) -> Result<f64> {
    let mut client = engine.client()?;
    let begun_ns = monotonic_ns();
    let mut command = start(engine.run_dir(), words)?;
    let armed = await_armed(&mut client, &mut command, faults);
    client.stop(Which::All)?;
    signal(command.id().cast_signed(), Signal::SIGINT)?;
    command.wait()?;
    let armed = armed.with_context(|| words.join(" "))?;
    let hooks: usize = armed.iter().map(|fault| fault.plan.hooks.len()).sum();
    ensure!(hooks == MANY, "{hooks} hooks instead of {MANY}");
    let last_ns = armed.iter().map(|fault| fault.window.armed_ns).max();
    Ok(microseconds(begun_ns, last_ns.context("a fault")?) / 1e3)
}

fn start(run_dir: &Path, words: &[&str]) -> Result<Child> {
    let child = Command::new(temblor_program()?)
        .arg("--run-dir")
        .arg(run_dir)
        .arg("--json")
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(child)
}

fn await_armed(
    client: &mut Client,
    command: &mut Child,
    faults: usize,
) -> Result<Vec<FaultReport>> {
    for _look in 0..PATIENCE {
        poll::wait_readable([], LOOK)?;
        let (_engine, armed) = client.status()?;
        if armed.len() == faults {
            return Ok(armed);
        }
        let ended = command.try_wait()?;
        ensure!(ended.is_none(), "the command ended by itself: {ended:?}");
    }
    anyhow::bail!("the faults were not armed")
}

fn experiment(crowd: &Crowd) -> Value {
    let targets = crowd.targets();
    let last = targets.len().saturating_sub(1);
    let actions = targets.iter().enumerate().map(|(number, target)| {
        json!({
            "type": "action",
            "name": format!("loss {number}"),
            // The last one is waited for: the others end with the method.
            "provider": {
                "type": "temblor", "fault": "net.loss", "target": target,
                "duration": "30s", "wait": number == last,
            },
        })
    });
    json!({
        "version": "1.0.0",
        "title": "Losses on 64 network namespaces",
        "description": "Made by the benchmark.",
        "method": actions.collect::<Vec<_>>(),
        "rollbacks": [],
    })
}
