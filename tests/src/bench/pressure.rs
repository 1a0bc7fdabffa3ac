//! What workers do against what they were asked to do, and how fast it comes and goes.
//!
//! The observed figures are the kernel's own: the run times of the worker's threads
//! (`/proc/PID/task/TID/schedstat`) over wall time, `RssAnon`, and the blocks of files without a name. The
//! peer for load is `stress-ng --cpu 1 --cpu-load N`, where it is installed, measured the same way over its
//! children; the peer for filling is `fallocate` of the same size on the same file system. Room is free when
//! `statvfs` says so again; others may write meanwhile, so a sixteenth of it may be missing. Whether the
//! engine gets through is asked of its socket, while there are twice as many workers as processors.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use nix::poll::{PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::statvfs::statvfs;

use super::row::{Row, Rows};
use super::statistics::{median, percentile};
use super::suite::Effort;
use crate::client::{Armed, Client, params};
use crate::engine::{Engine, signal};
use crate::pressed::{allocated, resident, workers};
use crate::wait_until;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Where files without a name are made.
const FOLDER: &str = "/var/tmp";
/// What is to be filled, and what has to be left beside it.
const FILLED: u64 = 10 * GIB;
const BESIDE: u64 = 3 * GIB;
const HELD: u64 = 256 * MIB;

const FILLS: usize = 10;
const LOADS: [&str; 5] = ["10%", "25%", "50%", "75%", "100%"];
/// How long a load is watched.
const WATCHED: Duration = Duration::from_secs(4);
const QUESTIONS: usize = 200;

/// Of what was asked.
const NEAR: f64 = 5.0;
const FILLED_AIM_MS: f64 = 1_000.0;
const FREED_AIM_MS: f64 = 100.0;
const ANSWER_AIM_MS: f64 = 100.0;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let mut rows = Rows::new();
    for load in LOADS {
        effort.progress(&format!("load {load}"));
        rows.push(load_of(load)?);
    }
    rows.push(memory()?);
    rows.extend(filling(effort)?);
    rows.push(answers(effort)?);
    Ok(rows)
}

fn arm(client: &mut Client, kind: Kind, more: &[(&str, &str)]) -> Result<Armed> {
    let basic = [("target", "host"), ("duration", "5m")];
    client.arm(kind, &params(basic.into_iter().chain(more.to_vec())))
}

fn worker() -> Result<i32> {
    let mut found = None;
    wait_until("there is a worker", PATIENCE, || {
        found = workers().ok().and_then(|workers| workers.first().copied());
        found.is_some()
    })?;
    found.context("there is one")
}

fn load_of(load: &str) -> Result<Row> {
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let armed = arm(
        &mut client,
        Kind::CpuStress,
        &[("workers", "1"), ("load", load)],
    )?;
    let worker = worker()?;
    wait_until("it calculates", PATIENCE, || run_time(worker) > 50_000_000)?;
    let Watched { observed, waited } = watch(&[worker])?;
    client.stop_one(&armed)?;
    engine.end()?;
    let asked: f64 = load.trim_end_matches('%').parse()?;
    let row = Row::new(
        format!("cpu.stress, {load} asked, off by"),
        "%",
        off(asked, observed),
        1,
    );
    let note = format!(
        "observed {observed:.2}% of a processor in {WATCHED:?}, and {waited:.2}% kept waiting for one"
    );
    Ok(match peer_load(load)? {
        Some(peer) => {
            let note = format!("{note}; stress-ng {peer:.2}%");
            row.peer(off(asked, peer)).at_most(NEAR).note(note)
        }
        None => row.at_most(NEAR).note(note),
    })
}

/// In percent of the time.
struct Watched {
    observed: f64,
    /// Ready to run, and somebody else was: the machine was too busy for what was asked.
    waited: f64,
}

/// These processes together.
fn watch(pids: &[i32]) -> Result<Watched> {
    let all = |column| pids.iter().map(|pid| schedstat(*pid, column)).sum::<u64>();
    let (begun, before) = (Instant::now(), [all(RAN), all(WAITED)]);
    poll(&mut [], PollTimeout::try_from(WATCHED)?)?;
    let (after, took) = ([all(RAN), all(WAITED)], begun.elapsed());
    let share = |more: u64| 100.0 * Duration::from_nanos(more).as_secs_f64() / took.as_secs_f64();
    Ok(Watched {
        observed: share(after[0] - before[0]),
        waited: share(after[1] - before[1]),
    })
}

fn run_time(pid: i32) -> u64 {
    schedstat(pid, RAN)
}

/// Columns of `schedstat`.
const RAN: usize = 0;
const WAITED: usize = 1;

/// In ns, of all threads.
fn schedstat(pid: i32, column: usize) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
    texts
        .filter_map(|text| text.split_whitespace().nth(column)?.parse::<u64>().ok())
        .sum()
}

/// The same by `stress-ng`, if there is one.
fn peer_load(load: &str) -> Result<Option<f64>> {
    let mut command = Command::new("stress-ng");
    command.args(["--cpu", "1", "--timeout", "60s", "--cpu-load"]);
    command.arg(load.trim_end_matches('%'));
    let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(child) = started else {
        return Ok(None);
    };
    let peer = Peer(child);
    let mut children = Vec::new();
    wait_until("its child calculates", PATIENCE, || {
        children = peer.children();
        children.iter().any(|pid| run_time(*pid) > 50_000_000)
    })?;
    Ok(Some(watch(&children)?.observed))
}

struct Peer(Child);

impl Peer {
    fn children(&self) -> Vec<i32> {
        let pid = self.0.id();
        let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let text = text.unwrap_or_default();
        let pids = text.split_whitespace().map(str::parse);
        pids.filter_map(Result::ok).collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its children end when they are told; it tells them.
        let told = signal(self.0.id().cast_signed(), Signal::SIGINT);
        let ended = self.0.wait();
        assert!(
            std::thread::panicking() || (told.is_ok() && ended.is_ok()),
            "{told:?} {ended:?}"
        );
    }
}

fn memory() -> Result<Row> {
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let size = format!("{}MiB", HELD / MIB);
    let begun = Instant::now();
    let armed = arm(&mut client, Kind::MemoryStress, &[("size", &size)])?;
    let worker = worker()?;
    wait_until("it is held", PATIENCE, || resident(worker) + MIB >= HELD)?;
    let took = begun.elapsed();
    let held = resident(worker);
    client.stop_one(&armed)?;
    engine.end()?;
    let note = format!("resident after {:.0} ms", took.as_secs_f64() * 1e3);
    let metric = format!("memory.stress, {size} asked, off by");
    let row = Row::new(metric, "%", off(float(HELD), float(held)), 1);
    Ok(row.at_most(NEAR).note(note))
}

fn filling(effort: Effort) -> Result<Rows> {
    let size = FILLED.min(left()?.saturating_sub(BESIDE)) / GIB * GIB;
    ensure!(size > 0, "{FOLDER} has too little room to be measured");
    let asked = format!("{}GiB", size / GIB);
    let (mut filled, mut freed, mut peers, mut worst) = (vec![], vec![], vec![], 0.0_f64);
    for _ in 0..effort.rounds(FILLS) {
        let one = fill_once(&asked, size)?;
        filled.push(one.took);
        freed.push(one.freed);
        worst = worst.max(off(float(size), float(one.allocated)));
        peers.extend(peer_fill(size)?);
    }
    let n = filled.len();
    let note = format!("median; p95 {:.0} ms", percentile(&filled, 0.95));
    let row = Row::new(
        format!("disk.fill, asked to {asked} taken"),
        "ms",
        median(&filled),
        n,
    );
    let row = match peers.as_slice() {
        [] => row,
        peers => row.peer(median(peers)),
    };
    Ok(vec![
        row.at_most(FILLED_AIM_MS).note(note),
        Row::new(
            format!("disk.fill, SIGKILL of the engine to {asked} free, longest"),
            "ms",
            percentile(&freed, 1.0),
            n,
        )
        .at_most(FREED_AIM_MS)
        .note(format!("median {:.1} ms", median(&freed))),
        Row::new(
            format!("disk.fill, {asked} asked, off by at most"),
            "%",
            worst,
            n,
        )
        .at_most(NEAR),
    ])
}

/// In ms, and in bytes.
struct Fill {
    took: f64,
    freed: f64,
    allocated: u64,
}

fn fill_once(asked: &str, size: u64) -> Result<Fill> {
    let mut engine = Engine::start()?;
    let mut client = engine.client()?;
    let before = left()?;
    let begun = Instant::now();
    arm(
        &mut client,
        Kind::DiskFill,
        &[("path", FOLDER), ("size", asked)],
    )?;
    let worker = worker()?;
    wait_until("it is filled", PATIENCE, || allocated(worker) >= size)?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    let allocated = allocated(worker);
    let killed = Instant::now();
    signal(engine.pid(), Signal::SIGKILL)?;
    let enough = before - size / 16;
    wait_until("it is free again", PATIENCE, || {
        left().is_ok_and(|now| now >= enough)
    })?;
    let freed = killed.elapsed().as_secs_f64() * 1e3;
    engine.await_end()?;
    Ok(Fill {
        took,
        freed,
        allocated,
    })
}

/// Milliseconds that `fallocate` takes, as a process; none where it is not installed.
fn peer_fill(size: u64) -> Result<Option<f64>> {
    let folder = tempfile::tempdir_in(FOLDER)?;
    let file = folder.path().join("filled");
    let begun = Instant::now();
    let mut command = Command::new("fallocate");
    command.arg("--length").arg(size.to_string()).arg(&file);
    let done = command.stderr(Stdio::null()).status();
    let took = begun.elapsed().as_secs_f64() * 1e3;
    Ok(done.is_ok_and(|status| status.success()).then_some(took))
}

fn left() -> Result<u64> {
    let found = statvfs(Path::new(FOLDER))?;
    Ok(found.blocks_available() * found.fragment_size())
}

fn answers(effort: Effort) -> Result<Row> {
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let processors = std::thread::available_parallelism()?.get();
    let workers = (processors * 2).to_string();
    let armed = arm(&mut client, Kind::CpuStress, &[("workers", &workers)])?;
    let mut took = Vec::new();
    for _ in 0..effort.rounds(QUESTIONS) {
        let begun = Instant::now();
        client.status()?;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        poll(&mut [], PollTimeout::from(5_u8))?;
    }
    let report = client.stop_one(&armed)?;
    ensure!(report.warnings.is_empty(), "{report:?}");
    engine.end()?;
    let note = format!("median {:.2} ms; {workers} workers", median(&took));
    let metric = "an engine's answer beside twice as many workers as processors, p99";
    let row = Row::new(metric, "ms", percentile(&took, 0.99), took.len());
    Ok(row.at_most(ANSWER_AIM_MS).note(note))
}

/// In percent of what was asked.
fn off(asked: f64, observed: f64) -> f64 {
    100.0 * (observed - asked).abs() / asked
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn float(value: u64) -> f64 {
    value as f64
}
