//! What observing costs every call of the host.
//!
//! The call is `getpgid`, as cheap as one can be, so that what is added is all there is to see. Each figure is
//! the median of what a round added to the round without an observer before it:
//!
//! - a histogram of all calls of all tasks: ours, `syscount -L` of libbpf-tools and a histogram by `bpftrace`;
//! - a program that does nothing at each of the two tracepoints, which is the least that any of them can cost;
//! - the same for who is not observed, while one other process is.
//!
//! Rounds of all of them alternate in one run. A peer that is not installed, or does not come up, is told and
//! left out.

use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use aya_obj::generated::{bpf_attach_type, bpf_insn, bpf_prog_type};
use injector_core::target::Selector;
use injector_core::telemetry::Signal;
use injector_user::observer::Wanted;
use injector_user::sys::bpf;

use super::calls::{self, Cheap};
use super::peer::{HISTOGRAM, Peer, await_detached};
use super::row::{Row, Rows};
use super::statistics::median;
use super::subject::{Habit, Subject};
use super::suite::Effort;
use crate::client::Client;
use crate::engine::Engine;

const ROUNDS: usize = 12;
const BURST: usize = 20_000;

/// How each call is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Empty,
    Everybody,
    SomebodyElse,
    Syscount,
    Bpftrace,
}

const ALL: [Manner; 5] = [
    Manner::Empty,
    Manner::Everybody,
    Manner::SomebodyElse,
    Manner::Syscount,
    Manner::Bpftrace,
];

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let subject = Subject::start(Habit::Ticks)?;
    let rounds = effort.rounds(ROUNDS);
    let mut added: [Vec<f64>; ALL.len()] = Default::default();
    for number in 1..=rounds {
        for (manner, added) in ALL.iter().zip(&mut added) {
            let before = calls::here(Cheap::Getpgid, BURST)?;
            let Some(observer) = Observer::start(*manner, &engine, subject.pid())? else {
                effort.progress(&format!("{manner:?} does not come up here"));
                continue;
            };
            added.push(calls::here(Cheap::Getpgid, BURST)? - before);
            observer.end()?;
        }
        effort.progress(&format!("round {number} of {rounds}"));
    }
    subject.finish()?;
    Ok(rows(&added, rounds))
}

fn rows(added: &[Vec<f64>; ALL.len()], rounds: usize) -> Rows {
    let of = |manner: Manner| {
        let found = ALL.iter().zip(added).find(|(one, _)| **one == manner);
        let (_manner, figures) = found?;
        (!figures.is_empty()).then(|| median(figures))
    };
    let peers = [
        (Manner::Syscount, "syscount -L", 0.45),
        (Manner::Bpftrace, "a histogram by bpftrace", 0.2),
        (Manner::Empty, "programs that do nothing", 1.5),
    ];
    let mut rows = Rows::new();
    if let Some(ours) = of(Manner::Everybody) {
        for (manner, name, most) in peers {
            let metric = format!("all calls of all tasks, against {name}");
            let row = Row::new(metric, "ns", ours, rounds);
            rows.extend(of(manner).map(|peer| row.peer(peer).ratio_at_most(most)));
        }
        let metric = "who is not observed while another process is, against all of all";
        let others = of(Manner::SomebodyElse);
        rows.extend(others.map(|others| {
            Row::new(metric, "ns", others, rounds)
                .peer(ours)
                .ratio_at_most(0.6)
        }));
    }
    let note = "added to each getpgid";
    rows.into_iter().map(|row| row.note(note)).collect()
}

/// Somebody who looks; ends with this value.
enum Observer {
    Programs(Vec<OwnedFd>),
    Ours(Client),
    Peer(Peer),
}

impl Observer {
    /// None where the peer is not installed, or does not come up.
    fn start(manner: Manner, engine: &Engine, other: i32) -> Result<Option<Self>> {
        match manner {
            Manner::Empty => Ok(Some(Self::Programs(vec![
                empty_at(c"sys_exit")?,
                empty_at(c"sys_enter")?,
            ]))),
            Manner::Everybody => ours(engine, Selector::Host).map(Some),
            Manner::SomebodyElse => ours(engine, Selector::Pid(other)).map(Some),
            Manner::Syscount => peer("syscount", &["-L", "-d", "60"]),
            Manner::Bpftrace => peer("bpftrace", &["-e", HISTOGRAM]),
        }
    }

    fn end(self) -> Result<()> {
        match self {
            Self::Programs(links) => drop(links),
            Self::Ours(client) => drop(client),
            Self::Peer(peer) => drop(peer),
        }
        await_detached(0)
    }
}

/// Both tracepoints of calls have a program of its own.
fn peer(program: &str, arguments: &[&str]) -> Result<Option<Observer>> {
    Ok(Peer::start(program, arguments, 2)?.map(Observer::Peer))
}

fn ours(engine: &Engine, target: Selector) -> Result<Observer> {
    let mut client = engine.client()?;
    client.observe(Wanted {
        targets: [target].into(),
        signals: [Signal::Syscalls].into(),
        top: 0,
    })?;
    Ok(Observer::Ours(client))
}

fn empty_at(tracepoint: &std::ffi::CStr) -> Result<OwnedFd> {
    let instruction = |code| bpf_insn {
        code,
        _bitfield_align_1: [],
        _bitfield_1: bpf_insn::new_bitfield_1(0, 0),
        off: 0,
        imm: 0,
    };
    // r0 = 0; exit
    let instructions = [instruction(0xB7), instruction(0x95)];
    let no_types = File::open("/dev/null")?;
    let program = bpf::load(&bpf::Text {
        name: "empty",
        kind: bpf::ProgramType {
            kind: bpf_prog_type::BPF_PROG_TYPE_RAW_TRACEPOINT,
            attach: bpf_attach_type::BPF_CGROUP_INET_INGRESS,
        },
        sleeps: false,
        instructions: &instructions,
        license: c"Dual MIT/GPL",
        types: no_types.as_fd(),
        functions: &[],
        function_size: 0,
        target: 0,
    })?;
    bpf::raw_tracepoint(program.as_fd(), tracepoint).context("attaching at a tracepoint")
}
