//! How long it takes until a fault acts.
//!
//! A stream sends a datagram every 0.2 ms from one namespace to another with real-time priority.
//! Warm: an engine runs and has armed such a fault before; the time runs from when the client writes
//! the request to when the first datagram that was lost left its sender. Where another fault acts at
//! the interface already, a few maps are written; elsewhere a program is attached, for which the kernel
//! waits until every processor has passed a quiet state (`synchronize_rcu` in `tcx_link_attach`: some
//! ticks, here of 4 ms). Cold: no engine runs; the time runs from when `temblor inject` is started as
//! a process. What the figures hide: up to 0.2 ms until the next datagram. There is no peer.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use injector_core::fault::Kind;
use injector_user::clock::monotonic_ns;
use injector_user::protocol::{Call, State, Which};
use nix::sys::signal::Signal;

use super::attempt::{Attempt, first_effect};
use super::pair::Pair;
use super::row::{Row, Rows};
use super::scene::GAP;
use super::statistics::{median, percentile};
use super::stream::Stream;
use super::suite::Effort;
use crate::client::{Armed, Client, params};
use crate::engine::{Engine, is_running, signal, temblor_program};
use crate::wait_until;

const WARM: usize = 200;
const COLD: usize = 40;
const PORT: u16 = 7_002;
/// Longer than any engine takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// A datagram on its way for longer is lost.
const LOST: Duration = Duration::from_secs(1);

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let pair = Pair::make()?;
    let engine = Engine::start()?;
    let fresh = warm(effort, &engine, &pair, "interface without faults")?;
    let mut other = engine.client()?;
    arm(&mut other, &pair, 9, "10m")?;
    let shared = warm(effort, &engine, &pair, "another fault acts there")?;
    drop((other, engine));
    Ok(vec![shared, fresh, cold(effort, &pair)?])
}

fn warm(effort: Effort, engine: &Engine, pair: &Pair, place: &str) -> Result<Row> {
    let rounds = effort.rounds(WARM);
    let mut client = engine.client()?;
    let stream = Stream::start(pair, PORT, GAP)?;
    let mut begun = Vec::new();
    let mut answered = Vec::new();
    // The first one loads the programs.
    for number in 0..=rounds {
        let begun_ns = monotonic_ns();
        let armed = arm(&mut client, pair, PORT, "10s")?;
        if number > 0 {
            begun.push(begun_ns);
            answered.push(super::statistics::microseconds(begun_ns, monotonic_ns()) / 1e3);
        }
        await_effect(&mut client, &armed.fault)?;
        client.stop_one(&armed)?;
        if number % 50 == 0 {
            effort.progress(&format!("warm, {place}: {number} of {rounds}"));
        }
    }
    let attempts = attempts(stream)?;
    let times: Result<Vec<f64>> = begun.iter().map(|at| to_effect(&attempts, *at)).collect();
    let times = times?;
    let note = format!(
        "median {:.2} ms; until the engine's answer median {:.2}, p99 {:.2} ms",
        median(&times),
        median(&answered),
        percentile(&answered, 0.99)
    );
    let row = Row::new(
        format!("warm arm to first injected packet, {place}, p99"),
        "ms",
        percentile(&times, 0.99),
        rounds,
    );
    Ok(row.at_most(5.0).note(note))
}

fn arm(client: &mut Client, pair: &Pair, port: u16, duration: &str) -> Result<Armed> {
    let (target, port) = (pair.target(), port.to_string());
    let given = params([
        ("target", target.as_str()),
        ("ports", &port),
        ("duration", duration),
    ]);
    client.arm(Kind::NetLoss, &given)
}

fn cold(effort: Effort, pair: &Pair) -> Result<Row> {
    let rounds = effort.rounds(COLD);
    let (mut times, mut first) = (Vec::new(), 0.0);
    let folder = tempfile::tempdir()?;
    // The first one finds out what this host can do, and notes it.
    for number in 0..=rounds {
        let stream = Stream::start(pair, PORT, GAP)?;
        let begun_ns = monotonic_ns();
        let mut command = inject(folder.path(), &pair.target())?;
        let acted = await_cold_effect(folder.path());
        signal(command.id().cast_signed(), Signal::SIGINT)?;
        command.wait()?;
        acted?;
        let time = to_effect(&attempts(stream)?, begun_ns)?;
        if number == 0 {
            first = time;
        } else {
            times.push(time);
        }
        end_engine(folder.path())?;
        if number % 10 == 0 {
            effort.progress(&format!("cold: {number} of {rounds}"));
        }
    }
    let row = Row::new(
        "CLI start to first injected packet, no engine, p99",
        "ms",
        percentile(&times, 0.99),
        rounds,
    );
    let note = format!(
        "median {:.2} ms; the first one in a new run directory, which tries out what the host can do: {first:.0} ms",
        median(&times)
    );
    Ok(row.at_most(60.0).note(note))
}

fn attempts(stream: Stream) -> Result<Vec<Attempt>> {
    let datagrams = stream.finish()?.into_iter();
    Ok(datagrams.map(|one| one.attempt(LOST)).collect())
}

/// Milliseconds.
fn to_effect(attempts: &[Attempt], begun_ns: u64) -> Result<f64> {
    let effect = first_effect(attempts, begun_ns).context("no datagram was lost")?;
    Ok(effect / 1e3)
}

fn await_effect(client: &mut Client, fault: &str) -> Result<()> {
    wait_until("the fault acts", PATIENCE, || {
        client
            .snapshot(fault)
            .is_ok_and(|report| report.state == State::Active && report.counters.injected > 0)
    })?;
    Ok(())
}

fn inject(run_dir: &Path, target: &str) -> Result<Child> {
    let child = Command::new(temblor_program()?)
        .arg("--run-dir")
        .arg(run_dir)
        .args(["--json", "inject", "net.loss", "--target", target])
        .args(["--duration", "10s"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(child)
}

fn socket(run_dir: &Path) -> std::path::PathBuf {
    run_dir.join("engine.sock")
}

pub(super) fn await_cold_effect(run_dir: &Path) -> Result<()> {
    let mut client = None;
    wait_until("the command's fault acts", PATIENCE, || {
        if client.is_none() {
            client = Client::connect(&socket(run_dir)).ok();
        }
        let status = client.as_mut().map(Client::status);
        let acts = |status: Result<(_, Vec<injector_user::protocol::FaultReport>)>| {
            status.is_ok_and(|(_engine, faults)| {
                faults.iter().any(|fault| fault.counters.injected > 0)
            })
        };
        status.is_some_and(acts)
    })?;
    Ok(())
}

/// Ends the engine that the command has started.
pub(super) fn end_engine(run_dir: &Path) -> Result<()> {
    let mut client = Client::connect(&socket(run_dir))?;
    let (engine, _faults) = client.status()?;
    client.stop(Which::All)?;
    if let Err(failure) = client.call(Call::Quit)? {
        bail!("the engine does not leave: {failure:?}");
    }
    wait_until("engine and keeper have left", PATIENCE, || {
        !is_running(engine.pid) && !is_running(engine.keeper)
    })?;
    Ok(())
}
