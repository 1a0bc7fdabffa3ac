//! What a fault of system calls costs a call that it does not let fail.
//!
//! The call is `getpgid`, as cheap as one can be, or `getsockname` and `read` for what needs a security hook.
//! Each figure is the median of what a round added to the round without a fault beside it:
//!
//! - who is not the target and makes the call that others suffer, by each mechanism to let it fail or take
//!   longer; the peer is our own `--backend kprobe`, a kprobe with override as other tools use it;
//! - who is not the target and makes another call;
//! - the target, whose call matches and is not its turn (`when: 65535`); the peer is
//!   `strace -e inject=getpgid:error=EIO:when=65535`.
//!
//! A figure is left out, and told, where the kernel does not have its mechanism. In a guest of the ring
//! the clock counts instructions, two nanoseconds each: what they wait for memory is hidden, and nothing
//! else disturbs.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Error, Result};
use injector_core::fault::Kind;
use injector_user::protocol::Which;
use injector_user::sys::poll;
use procfs::process::Process;

use super::able::mechanisms;
use super::calls::{self, CALL, Calling, Cheap};
use super::row::{Row, Rows};
use super::statistics::{Mean, median};
use super::subject::{Habit, Subject};
use super::suite::Effort;
use crate::client::{Client, params};
use crate::engine::{Engine, temblor_program};
use crate::wait_until;

const ROUNDS: usize = 12;
/// Calls of who is not the target in a round.
const BURST: usize = 5_000;
/// Without a tick of the engine's it rests.
const REST: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_mins(1);
/// The last that `when` can name, in strace as here.
const NEVER: &str = "65535";

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let able = mechanisms(&engine, Kind::SyscallError)?;
    let has = |name: &str| able.iter().any(|able| able == name);
    let peer = has("kprobe").then_some(&OVERRIDDEN);
    if peer.is_none() {
        effort.progress("others than the target have no peer: needs kprobes that override");
    }
    let mut rows = Rows::new();
    let delays = mechanisms(&engine, Kind::SyscallDelay)?;
    let ways = OTHERS_SUFFER.iter();
    for way in ways.filter(|way| way.is_among([&able, &delays])) {
        rows.extend(bystander(effort, &engine, way, peer)?);
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
    call: Cheap,
    mechanism: &'static str,
    kind: Kind,
    parameters: &'static [(&'static str, &'static str)],
}

impl Way {
    /// Whether it is among the mechanisms that fail calls, or delay them.
    fn is_among(&self, [failing, delaying]: [&[String]; 2]) -> bool {
        let able = match self.kind {
            Kind::SyscallDelay => delaying,
            _fails => failing,
        };
        able.iter().any(|able| able == self.mechanism)
    }
}

const FAILS: Way = Way {
    call: Cheap::Getpgid,
    mechanism: "fmod-ret",
    kind: Kind::SyscallError,
    parameters: &[("errno", "EIO"), ("backend", "fmod-ret")],
};
const OVERRIDDEN: Way = Way {
    mechanism: "kprobe",
    parameters: &[("errno", "EIO"), ("backend", "kprobe")],
    ..FAILS
};
const LATER: Way = Way {
    call: Cheap::Getpgid,
    mechanism: "sleep-at-call",
    kind: Kind::SyscallDelay,
    parameters: &[("latency", "20ms"), ("backend", "fmod-ret")],
};
const OTHERS_SUFFER: [Way; 7] = [
    FAILS,
    LATER,
    Way {
        call: Cheap::Getsockname,
        mechanism: "sleep-in-lsm",
        parameters: &[("latency", "20ms"), ("backend", "lsm")],
        ..LATER
    },
    Way {
        call: Cheap::Read,
        mechanism: "sleep-at-hook",
        parameters: &[("latency", "20ms"), ("backend", "security")],
        ..LATER
    },
    Way {
        mechanism: "sleep-in-turn",
        parameters: &[("latency", "20ms"), ("backend", "fmod-ret-s")],
        ..LATER
    },
    Way {
        mechanism: "sleep-on-return",
        parameters: &[
            ("latency", "20ms"),
            ("moment", "after"),
            ("backend", "fexit"),
        ],
        ..LATER
    },
    Way {
        mechanism: "sleep-after",
        parameters: &[
            ("latency", "20ms"),
            ("moment", "after"),
            ("backend", "sys-exit"),
        ],
        ..LATER
    },
];

/// What a round added to the one before and the one after it.
fn added(engine: &Engine, client: &mut Client, target: &str, way: &Way) -> Result<[f64; 2]> {
    let round = || {
        await_rest(engine.pid())?;
        Ok::<_, Error>([calls::here(way.call, BURST)?, calls::other_here(BURST)])
    };
    let before = round()?;
    let given = [
        ("target", target),
        ("duration", "60s"),
        ("syscalls", way.call.name()),
    ];
    let given = given.into_iter().chain(way.parameters.iter().copied());
    client.arm(way.kind, &params(given))?;
    let during = round()?;
    client.stop(Which::Mine)?;
    let after = round()?;
    let added = |at: usize| during[at] - f64::midpoint(before[at], after[at]);
    Ok([added(0), added(1)])
}

/// Waits until the engine has loaded what it may need next: in a guest its time is everybody's.
fn await_rest(engine: i32) -> Result<()> {
    let process = Process::new(engine)?;
    let used = || process.stat().map_or(0, |stat| stat.utime + stat.stime);
    let mut before = used();
    wait_until("the engine rests", PATIENCE, || {
        let now = used();
        let rests = now == before;
        before = now;
        rests && poll::wait_readable([], REST).is_ok() && used() == now
    })?;
    Ok(())
}

fn bystander(effort: Effort, engine: &Engine, way: &Way, peer: Option<&Way>) -> Result<Rows> {
    let subject = Subject::start(Habit::Ticks)?;
    let target = format!("pid:{}", subject.pid());
    let mut client = engine.client()?;
    let (mut ours, mut peers, mut other) = (Vec::new(), Vec::new(), Vec::new());
    let call = way.call;
    let peer = peer.map(|peer| Way { call, ..*peer });
    let rounds = effort.rounds(ROUNDS);
    // The first one loads the programs.
    for number in 0..=rounds {
        let [by_us, beside] = added(engine, &mut client, &target, way)?;
        let by_kprobe = match &peer {
            Some(peer) => Some(added(engine, &mut client, &target, peer)?[0]),
            None => None,
        };
        if number > 0 {
            ours.push(by_us);
            peers.extend(by_kprobe);
            other.push(beside);
        }
        effort.progress(&format!("not the target: round {number} of {rounds}"));
    }
    subject.finish()?;
    let Way {
        kind, mechanism, ..
    } = way;
    let against = if peers.is_empty() {
        ""
    } else {
        " against kprobe and override"
    };
    let metric =
        format!("not the target, the call that others suffer: {kind} by {mechanism}{against}");
    let faulted = Row::new(metric, "ns", median(&ours), rounds);
    let faulted = match peers.as_slice() {
        [] => faulted,
        peers => faulted.peer(median(peers)).ratio_at_most(0.75),
    };
    let Mean { mean, half_width } = Mean::of(&other);
    let free = mean.abs() <= half_width || mean <= 1.0;
    let metric = format!("not the target, another call: {kind} by {mechanism}");
    let beside = Row::new(metric, "ns", median(&other), rounds);
    Ok(vec![
        faulted.note(format!("added to each {}", call.name())),
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
