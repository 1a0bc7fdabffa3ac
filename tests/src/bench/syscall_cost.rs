//! What a fault of system calls costs a call that it does not let fail.
//!
//! The call is `getpgid`, as cheap as one can be. Each figure is the median of what a round added to the
//! round without a fault beside it:
//!
//! - who is not the target and makes the call that others suffer, by `fmod_ret`, and the same of a call that
//!   takes longer for others; the peer is our own `--backend kprobe`, a kprobe with override as other tools
//!   use it;
//! - who is not the target and makes another call;
//! - the target, whose call matches and is not its turn (`when: 65535`); the peer is
//!   `strace -e inject=getpgid:error=EIO:when=65535`.
//!
//! A figure is left out, and told, where the kernel does not have its mechanism. In a guest of the ring
//! the clock counts instructions, two nanoseconds each: what they wait for memory is hidden, and nothing
//! else disturbs.

use std::process::Command;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::Which;
use serde_json::Value;

use super::calls::{self, CALL, Calling, Cheap};
use super::row::{Row, Rows};
use super::statistics::{Mean, median};
use super::subject::{Habit, Subject};
use super::suite::Effort;
use crate::client::{Client, params};
use crate::engine::{Engine, temblor_program};

const ROUNDS: usize = 12;
/// Calls of who is not the target in a round.
const BURST: usize = 5_000;
/// The last that `when` can name, in strace as here.
const NEVER: &str = "65535";

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let able = mechanisms(&engine, Kind::SyscallError)?;
    let has = |name: &str| able.iter().any(|able| able == name);
    let mut rows = Rows::new();
    if has("fmod-ret") && has("kprobe") {
        rows.extend(bystander(effort, &engine, &FAILS)?);
        let able = mechanisms(&engine, Kind::SyscallDelay)?;
        let ways = DELAYS
            .iter()
            .filter(|way| able.contains(&way.mechanism.to_owned()));
        for way in ways {
            rows.extend(bystander(effort, &engine, way)?);
        }
    } else {
        effort.progress(
            "no row for others than the target: needs fmod_ret and kprobes that override",
        );
    }
    for backend in ["fmod-ret", "seccomp"] {
        if has(backend) {
            rows.push(target(effort, &engine, backend)?);
        } else {
            effort.progress(&format!(
                "no row for the target by {backend}: not supported here"
            ));
        }
    }
    Ok(rows)
}

/// What others suffer meanwhile.
struct Way {
    mechanism: &'static str,
    backend: &'static str,
    kind: Kind,
    parameter: (&'static str, &'static str),
}

const FAILS: Way = Way {
    mechanism: "fmod-ret",
    backend: "fmod-ret",
    kind: Kind::SyscallError,
    parameter: ("errno", "EIO"),
};
const OVERRIDDEN: Way = Way {
    mechanism: "kprobe",
    backend: "kprobe",
    ..FAILS
};
const LATER: Way = Way {
    mechanism: "sleep-at-call",
    backend: "fmod-ret",
    kind: Kind::SyscallDelay,
    parameter: ("latency", "20ms"),
};
/// Ways to let the same call take longer.
const DELAYS: [Way; 2] = [
    LATER,
    Way {
        mechanism: "sleep-in-turn",
        backend: "fmod-ret-s",
        ..LATER
    },
];

/// The names of mechanisms that this host supports.
fn mechanisms(engine: &Engine, kind: Kind) -> Result<Vec<String>> {
    let output = Command::new(temblor_program()?)
        .args(["--json", "doctor", "--fault", kind.name()])
        .env("TEMBLOR_RUN_DIR", engine.run_dir())
        .output()?;
    let said: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let rows = said["faults"][0]["mechanisms"].as_array();
    let able = rows.context("mechanisms")?.iter();
    let able = able.filter(|row| row["state"] == "supported");
    let names = able.filter_map(|row| row["mechanism"].as_str());
    Ok(names.map(|name| name.replace('_', "-")).collect())
}

/// What a round added to the one before and the one after it.
fn added(client: &mut Client, target: &str, way: &Way) -> Result<[f64; 2]> {
    let before = [calls::here(BURST), calls::other_here(BURST)];
    let given = [
        ("target", target),
        ("duration", "60s"),
        ("syscalls", CALL),
        way.parameter,
        ("backend", way.backend),
    ];
    client.arm(way.kind, &params(given))?;
    let during = [calls::here(BURST), calls::other_here(BURST)];
    client.stop(Which::Mine)?;
    let after = [calls::here(BURST), calls::other_here(BURST)];
    let added = |at: usize| during[at] - f64::midpoint(before[at], after[at]);
    Ok([added(0), added(1)])
}

fn bystander(effort: Effort, engine: &Engine, way: &Way) -> Result<Rows> {
    let subject = Subject::start(Habit::Ticks)?;
    let target = format!("pid:{}", subject.pid());
    let mut client = engine.client()?;
    let (mut ours, mut peers, mut other) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = effort.rounds(ROUNDS);
    // The first one loads the programs.
    for number in 0..=rounds {
        let [by_us, beside] = added(&mut client, &target, way)?;
        let [by_kprobe, _beside] = added(&mut client, &target, &OVERRIDDEN)?;
        if number > 0 {
            ours.push(by_us);
            peers.push(by_kprobe);
            other.push(beside);
        }
        effort.progress(&format!("not the target: round {number} of {rounds}"));
    }
    subject.finish()?;
    let Way {
        kind, mechanism, ..
    } = way;
    let metric = format!(
        "not the target, the call that others suffer: {kind} by {mechanism} against kprobe and override"
    );
    let faulted = Row::new(metric, "ns", median(&ours), rounds).peer(median(&peers));
    let Mean { mean, half_width } = Mean::of(&other);
    let free = mean.abs() <= half_width || mean <= 1.0;
    let metric = format!("not the target, another call: {kind} by {mechanism}");
    let beside = Row::new(metric, "ns", median(&other), rounds);
    Ok(vec![
        faulted.ratio_at_most(0.75).note("added to each call"),
        beside.holds(free).note(format!(
            "added to each call; 95 % interval {:.1} to {:.1} ns; aim: it includes 0, or at most 1 ns",
            mean - half_width,
            mean + half_width
        )),
    ])
}

fn target(effort: Effort, engine: &Engine, backend: &str) -> Result<Row> {
    let (mut ours, mut peers, mut without) = (Vec::new(), Vec::new(), Vec::new());
    let calling = Calling::new(Cheap::Getpgid)?;
    let rounds = effort.rounds(ROUNDS);
    for number in 1..=rounds {
        let free = calling.run(alone(&calling)?)?.call_ns;
        let by_us = calling.run(suffering(&calling, engine, backend)?)?.call_ns;
        let by_strace = calling.run(traced(&calling)?)?.call_ns;
        ours.push(by_us - free);
        peers.push(by_strace - free);
        without.push(free);
        effort.progress(&format!(
            "the target by {backend}: round {number} of {rounds}"
        ));
    }
    let metric = format!("the target, a call that matches and passes: {backend} against strace");
    let row = Row::new(metric, "ns", median(&ours), rounds).peer(median(&peers));
    let note = format!("added to a call of {:.0} ns", median(&without));
    Ok(row.ratio_at_most(0.05).note(note))
}

fn alone(calling: &Calling) -> Result<Command> {
    let words = calling.words()?;
    let (program, arguments) = words.split_first().context("a program")?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

fn suffering(calling: &Calling, engine: &Engine, backend: &str) -> Result<Command> {
    let mut command = Command::new(temblor_program()?);
    command
        .args(["--json", "inject", "syscall.error", "--syscalls", CALL])
        .args(["--errno", "EIO", "--when", NEVER, "--duration", "60s"])
        .args(["--backend", backend, "--"])
        .args(calling.words()?)
        .env("TEMBLOR_RUN_DIR", engine.run_dir());
    Ok(command)
}

fn traced(calling: &Calling) -> Result<Command> {
    let inject = format!("inject={CALL}:error=EIO:when={NEVER}");
    let trace = format!("trace={CALL}");
    let mut command = Command::new("strace");
    command
        .args(["-qq", "-f", "-o", "/dev/null", "-e", &trace, "-e", &inject])
        .args(calling.words()?);
    Ok(command)
}
