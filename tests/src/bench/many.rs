//! How long one command takes to arm faults on 64 containers, the engine running.
//!
//! From when the command is started as a process to when the last fault was armed, as the engine noted
//! it on the same clock. The containers are of a Docker Engine of the benchmark's own, each with a
//! loopback interface and `eth0`, and a process that sleeps. One `inject` whose one selector means all
//! of them, for each family of faults, as their costs differ: losses, where a program is attached to two
//! interfaces of each, no fault was there before, and the kernel waits each time (see `arming`); errors
//! of socket calls, with two programs at each cgroup; freezes, with an entry of the undo log for each.
//! And losses by an experiment with 64 actions, each on one container. There is no peer. While it is
//! waited for, the engine is asked what is armed ten times a second, which is in the figure. Without
//! a Docker Engine there are losses only, on network namespaces, which the rows say.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_user::clock::monotonic_ns;
use injector_user::protocol::{FaultReport, Which};
use injector_user::sys::poll;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::crowd::MANY;
use super::every;
use super::fleet::Fleet;
use super::row::{Row, Rows};
use super::statistics::{median, microseconds, percentile};
use super::suite::Effort;
use crate::client::Client;
use crate::engine::{Engine, signal, temblor_program};

const ROUNDS: usize = 20;
const AIM_MS: f64 = 300.0;
/// What containers are called, and a number.
const NAME: &str = "many";
/// How often the engine is asked.
const LOOK: Duration = Duration::from_millis(100);
/// Looks after which it is given up.
const PATIENCE: usize = 300;
/// Longer than any round.
const DURATION: &str = "30s";

/// A command and what it arms.
struct Case {
    metric: String,
    words: Vec<String>,
    faults: usize,
}

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let fleet = Fleet::gather(effort, NAME)?;
    let engine = fleet.engine()?;
    let folder = tempfile::tempdir()?;
    let kinds: &[Kind] = match fleet {
        Fleet::Containers(_) => &[Kind::NetLoss, Kind::SockError, Kind::ProcessFreeze],
        Fleet::Namespaces(_) => &[Kind::NetLoss],
    };
    let injects = kinds.iter().map(|kind| inject(&fleet, *kind));
    let mut cases: Vec<Case> = injects.collect();
    cases.push(run(&fleet, folder.path())?);
    let rows = cases.iter().map(|case| measure_one(effort, &engine, case));
    rows.collect()
}

/// One command with one fault of this kind on all of them.
fn inject(fleet: &Fleet, kind: Kind) -> Case {
    let mut words = ["inject", kind.name(), "--all"].map(str::to_owned).to_vec();
    for (name, value) in every::fault(kind, &fleet.target(NAME), DURATION) {
        words.extend([format!("--{}", name.replace('_', "-")), value]);
    }
    Case {
        metric: format!("one inject of {kind} on {MANY} {}", fleet.are()),
        words,
        faults: 1,
    }
}

/// One command with an experiment that has a fault for each of them.
fn run(fleet: &Fleet, folder: &Path) -> Result<Case> {
    let (experiment, out) = (folder.join("many.json"), folder.join("out"));
    fs::write(
        &experiment,
        self::experiment(&fleet.targets(NAME)).to_string(),
    )?;
    let paths = [&out, &experiment].map(|path| path.to_string_lossy().into_owned());
    let words = ["run", "--out"].map(str::to_owned).into_iter().chain(paths);
    Ok(Case {
        metric: format!("an experiment with {MANY} losses on {}", fleet.are()),
        words: words.collect(),
        faults: MANY,
    })
}

fn measure_one(effort: Effort, engine: &Engine, case: &Case) -> Result<Row> {
    let metric = &case.metric;
    let (rounds, mut times) = (effort.rounds(ROUNDS), Vec::new());
    // The first one loads programs and files.
    for number in 0..=rounds {
        let time = round(engine, case)?;
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
fn round(engine: &Engine, case: &Case) -> Result<f64> {
    let mut client = engine.client()?;
    let begun_ns = monotonic_ns();
    let mut command = start(engine.run_dir(), &case.words)?;
    let armed = await_armed(&mut client, &mut command, case.faults);
    client.stop(Which::All)?;
    signal(command.id().cast_signed(), Signal::SIGINT)?;
    command.wait()?;
    let armed = armed.with_context(|| case.words.join(" "))?;
    let hooks: usize = armed.iter().map(|fault| fault.plan.hooks.len()).sum();
    ensure!(
        hooks > 0 && hooks.is_multiple_of(MANY),
        "{hooks} hooks on {MANY} targets"
    );
    let last_ns = armed.iter().map(|fault| fault.window.armed_ns).max();
    Ok(microseconds(begun_ns, last_ns.context("a fault")?) / 1e3)
}

fn start(run_dir: &Path, words: &[String]) -> Result<Child> {
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

fn experiment(targets: &[String]) -> Value {
    let last = targets.len().saturating_sub(1);
    let actions = targets.iter().enumerate().map(|(number, target)| {
        json!({
            "type": "action",
            "name": format!("loss {number}"),
            // The last one is waited for: the others end with the method.
            "provider": {
                "type": "temblor", "fault": "net.loss", "target": target,
                "duration": DURATION, "wait": number == last,
            },
        })
    });
    json!({
        "version": "1.0.0",
        "title": "Losses on 64 targets",
        "description": "Made by the benchmark.",
        "method": actions.collect::<Vec<_>>(),
        "rollbacks": [],
    })
}
