//! What the packet program costs a packet, in the kernel's own test run of it.
//!
//! A real engine arms real faults at an interface; the program that it attached is then run a million
//! times in a row on one UDP packet (`BPF_PROG_TEST_RUN`), whose socket is in the cgroup of this
//! process, with the engine renewing its lease meanwhile. Rounds of the armed program alternate with
//! rounds of an empty program, which is what calling any program costs; figures are medians over the
//! rounds. One packet in a row finds everything in the processor's caches: a busy host pays more.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;

use super::pair::Pair;
use super::programs::PacketProgram;
use super::row::{Row, Rows};
use super::statistics::median;
use super::suite::Effort;
use crate::actor::Actor;
use crate::cgroup::Cgroup;
use crate::client::{Armed, Client, params};
use crate::engine::Engine;

const REPEAT: u32 = 1_000_000;
const ROUNDS: usize = 21;
/// The port that the matching fault names; the others name the ports after it.
const PORT: u16 = 7_000;
/// As many as there can be.
const FAULTS: u16 = 64;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let mut rows = Rows::new();
    effort.progress("64 faults on other ports");
    rows.push(others(effort)?);
    for case in &CASES {
        effort.progress(&format!("one of 64 matches by {}", case.by));
        rows.push(matching(effort, case)?);
    }
    Ok(rows)
}

/// How one of 64 faults matches, and what comes of it.
struct Case {
    by: &'static str,
    peers: bool,
    cgroup: bool,
    probability: &'static str,
    aim: Option<f64>,
}

const SPARED: &str = "0.000001";

const CASES: [Case; 5] = [
    Case {
        by: "port; spared",
        peers: false,
        cgroup: false,
        probability: SPARED,
        aim: None,
    },
    Case {
        by: "port, peer; spared",
        peers: true,
        cgroup: false,
        probability: SPARED,
        aim: None,
    },
    Case {
        by: "port, cgroup; spared",
        peers: false,
        cgroup: true,
        probability: SPARED,
        aim: None,
    },
    Case {
        by: "port, peer, cgroup; spared",
        peers: true,
        cgroup: true,
        probability: SPARED,
        aim: Some(120.0),
    },
    Case {
        by: "port, peer, cgroup; lost",
        peers: true,
        cgroup: true,
        probability: "1",
        aim: None,
    },
];

/// 64 faults, none of which concerns the packet.
fn others(effort: Effort) -> Result<Row> {
    let pair = Pair::make()?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    for number in 1..=FAULTS {
        arm_other(&mut client, &pair, number)?;
    }
    let program = PacketProgram::attached_by(engine.pid(), pair.near_index()?)?;
    let times = Times::take(effort, &program)?;
    let row = Row::new(
        "64 faults armed on other ports, gross",
        "ns",
        times.armed,
        times.rounds,
    );
    Ok(row.peer(times.empty).at_most(45.0).note(times.note()))
}

/// 64 faults, one of which concerns the packet; the lease is checked and the dice are thrown.
fn matching(effort: Effort, case: &Case) -> Result<Row> {
    let pair = Pair::make()?;
    let cgroup = Cgroup::make(Flavour::V2, "packet-cost")?;
    // Somebody of the cgroup and somebody else have to be in the namespace.
    let (target, sibling) = (Actor::start_in(&pair.near)?, Actor::start_in(&pair.near)?);
    cgroup.enter(target.pid())?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    for number in 1..FAULTS {
        arm_other(&mut client, &pair, number)?;
    }
    let armed = arm_matching(&mut client, case, &pair, &cgroup)?;
    let program = PacketProgram::attached_by(engine.pid(), pair.near_index()?)?;
    let times = {
        let _member = Member::of(&cgroup)?;
        Times::take(effort, &program)?
    };
    let report = client.stop_one(&armed)?;
    let runs = u64::from(REPEAT) * times.rounds as u64;
    ensure!(
        report.counters.matched >= runs,
        "{:?}: the packets did not match",
        report.counters
    );
    drop((target, sibling));
    let metric = format!("1 of 64 matches by {}, net of empty", case.by);
    let row = Row::new(metric, "ns", times.armed - times.empty, times.rounds);
    let row = match case.aim {
        Some(aim) => row.at_most(aim),
        None => row,
    };
    let note = format!("gross {:.0} ns; {}", times.armed, times.note());
    Ok(row.peer(times.empty).note(note))
}

fn arm_matching(client: &mut Client, case: &Case, pair: &Pair, cgroup: &Cgroup) -> Result<Armed> {
    let target = if case.cgroup {
        cgroup.target()
    } else {
        pair.target()
    };
    let (port, peer) = (PORT.to_string(), format!("{}/32", Pair::FAR));
    let mut given = params([
        ("target", target.as_str()),
        ("ports", &port),
        ("probability", case.probability),
        ("duration", "10m"),
    ]);
    if case.peers {
        given.insert("peers".to_owned(), peer);
    }
    client.arm(Kind::NetLoss, &given)
}

fn arm_other(client: &mut Client, pair: &Pair, number: u16) -> Result<()> {
    let (target, port) = (pair.target(), (PORT + number).to_string());
    let peer = format!("10.78.1.{number}/32");
    let given = params([
        ("target", target.as_str()),
        ("ports", &port),
        ("peers", &peer),
        ("probability", "1"),
        ("duration", "10m"),
    ]);
    client.arm(Kind::NetLoss, &given).map(drop)
}

/// Medians in nanoseconds.
struct Times {
    armed: f64,
    empty: f64,
    rounds: usize,
    lowest: f64,
    highest: f64,
}

impl Times {
    fn take(effort: Effort, program: &PacketProgram) -> Result<Self> {
        let (empty, packet) = (PacketProgram::empty()?, packet());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..effort.rounds(ROUNDS) {
            theirs.push(empty.run(&packet, REPEAT)?.1);
            ours.push(program.run(&packet, REPEAT)?.1);
        }
        let bound = |pick: fn(f64, f64) -> f64| ours.iter().copied().reduce(pick);
        Ok(Self {
            armed: median(&ours),
            empty: median(&theirs),
            rounds: ours.len(),
            lowest: bound(f64::min).unwrap_or_default(),
            highest: bound(f64::max).unwrap_or_default(),
        })
    }

    fn note(&self) -> String {
        format!(
            "peer is an empty program; median of rounds of {REPEAT} runs, gross rounds from {:.0} to {:.0} ns",
            self.lowest, self.highest
        )
    }
}

/// A UDP packet over IPv4 from the near to the far side.
fn packet() -> Vec<u8> {
    let mut packet = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
    let (payload, udp) = ([0_u8; 64], 8_u8);
    let length = 20 + udp + 64;
    packet.extend([0x45, 0, 0, length, 0, 1, 0x40, 0, 64, 17, 0, 0]);
    packet.extend(Pair::NEAR.octets());
    packet.extend(Pair::FAR.octets());
    for word in [40_000, PORT, u16::from(length - 20), 0] {
        packet.extend(word.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

/// The path in the v2 hierarchy as the process's own file tells it.
fn v2_cgroup(pid: i32) -> Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"));
    Ok(path
        .context("this host has no cgroups of version 2")?
        .to_owned())
}

/// This process in a cgroup of the test; back where it was with this value.
struct Member {
    before: PathBuf,
}

impl Member {
    fn of(cgroup: &Cgroup) -> Result<Self> {
        let me = std::process::id().cast_signed();
        let path = v2_cgroup(me)?;
        let root = cgroup.folder().parent().context("a cgroup has a parent")?;
        let before = root.join(path.trim_start_matches('/')).join("cgroup.procs");
        cgroup.enter(me)?;
        Ok(Self { before })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let back = fs::write(&self.before, std::process::id().to_string());
        assert!(std::thread::panicking() || back.is_ok(), "{back:?}");
    }
}
