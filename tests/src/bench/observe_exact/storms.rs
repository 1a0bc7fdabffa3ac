//! As much as goes, and as many different things as do not fit.

use anyhow::{Context as _, Result, ensure};
use injector_core::target::Selector;
use injector_core::telemetry::{Frame, Signal};
use injector_user::freezer::Flavour;
use injector_user::observer::Wanted;

use super::super::doer::{CALLS_AROUND, Deed, Doer, END, KINDS, PEERS, THREADS};
use super::super::row::Row;
use super::super::seen::{lost, settled, sum};
use super::super::statistics::float;
use super::super::suite::Effort;
use super::super::village::{self, House, Life};
use crate::cgroup::Cgroup;
use crate::client::Client;
use crate::engine::Engine;
use crate::netns::Netns;
use crate::seen::count;

/// Of each thread in a round.
const CALLS: usize = 250_000;
const CALL: &str = "getpgid";
const ROUNDS: usize = 10;

/// With the calls that are made in each, more than there are rows.
const CGROUPS: usize = 400;
/// So often in each cgroup.
const TIMES: usize = 20;

/// Of each thread in a round.
const DATAGRAMS: usize = 100_000;

/// Of each shell in a round.
const PROCESSES: usize = 2_000;

/// Why a call that was made is not counted.
const CALLS_LOST: [&str; 2] = ["no-row", "not-parked"];

/// What was counted and what was told as lost.
#[derive(Clone, Copy, Debug)]
struct Sum {
    counted: u64,
    lost: u64,
}

impl Sum {
    fn of_calls(frame: &Frame, counted: u64) -> Result<Self> {
        let lost = lost(frame, &CALLS_LOST)?;
        Ok(Self { counted, lost })
    }

    fn since(self, before: Self) -> Self {
        Self {
            counted: self.counted - before.counted,
            lost: self.lost - before.lost,
        }
    }

    /// None may be missing, and none too many.
    fn row(self, metric: &str, made: u64, took_ns: u64) -> Row {
        let Self { counted, lost } = self;
        let off = made.abs_diff(counted + lost);
        let rate = per_second(made, took_ns);
        let note =
            format!("{made} made, {rate:.0} a second; {counted} counted, {lost} told as lost");
        let n = usize::try_from(made).unwrap_or(usize::MAX);
        Row::new(
            metric,
            "",
            float(usize::try_from(off).unwrap_or(usize::MAX)),
            n,
        )
        .at_most(0.0)
        .note(note)
    }
}

fn per_second(made: u64, took_ns: u64) -> f64 {
    let [made, took_ns] = [made, took_ns].map(|number| usize::try_from(number).unwrap_or_default());
    float(made) * 1e9 / float(took_ns.max(1))
}

/// One call of many threads, of which each is counted.
pub(super) fn calls(effort: Effort, engine: &Engine) -> Result<Row> {
    let cgroup = Cgroup::make(Flavour::V2, "storm")?;
    let mut doer = Doer::start(Deed::Calls)?;
    cgroup.enter(doer.pid())?;
    let label = cgroup.target();
    let mut client = observe(engine, &[&label], Signal::Syscalls)?;
    let counted = |frame: &Frame| count(frame, "syscalls", &[&label, CALL]);
    let so_far = |frame: &Frame| Sum::of_calls(frame, counted(frame)?);
    let before = so_far(&settled(&mut client, counted)?)?;
    let rounds = effort.rounds(ROUNDS);
    let mut took_ns = 0;
    for number in 1..=rounds {
        took_ns += doer.perform(CALLS)?.iter().sum::<u64>();
        effort.progress(&format!("storm of calls: {number} of {rounds}"));
    }
    let seen = so_far(&settled(&mut client, counted)?)?.since(before);
    let made = (rounds * CALLS * THREADS) as u64;
    Ok(seen.row(
        "a storm of calls, made but neither counted nor told",
        made,
        took_ns,
    ))
}

/// More kinds of calls of cgroups than there are rows.
pub(super) fn kinds(effort: Effort, engine: &Engine) -> Result<Row> {
    let houses = village::build("rows", CGROUPS, |_number| Life::Sleeps)?;
    let mut doer = Doer::start(Deed::Kinds)?;
    let first = houses.first().context("the first")?;
    first.cgroup.enter(doer.pid())?;
    let labels: Vec<String> = houses.iter().map(|house| house.cgroup.target()).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let mut client = observe(engine, &labels, Signal::Syscalls)?;
    // The call in which it waited when it was first looked at is not known to have begun.
    doer.perform(1)?;
    let counted = |frame: &Frame| Ok(sum(frame, "syscalls")? + lost(frame, &CALLS_LOST)?);
    let so_far = |frame: &Frame| Sum::of_calls(frame, sum(frame, "syscalls")?);
    let before = so_far(&settled(&mut client, counted)?)?;
    let took_ns = visit(effort, &mut doer, &houses)?;
    let seen = so_far(&settled(&mut client, counted)?)?.since(before);
    ensure!(seen.lost > 0, "there were rows for all");
    let each = (TIMES * KINDS) as u64 + CALLS_AROUND;
    let made = houses.len() as u64 * each;
    let metric = "more kinds of calls than rows, made but neither counted nor told";
    Ok(seen.row(metric, made, took_ns))
}

/// Goes everywhere once; how long its calls took.
fn visit(effort: Effort, doer: &mut Doer, houses: &[House]) -> Result<u64> {
    let mut took_ns = 0;
    for (number, house) in houses.iter().enumerate() {
        house.cgroup.enter(doer.pid())?;
        took_ns += doer.perform(TIMES)?.iter().sum::<u64>();
        if number % 100 == 99 {
            effort.progress(&format!("kinds of calls: cgroup {}", number + 1));
        }
    }
    Ok(took_ns)
}

/// More peers than there are edges.
pub(super) fn datagrams(effort: Effort, engine: &Engine) -> Result<Row> {
    let netns = Netns::make("edges")?;
    let cgroup = Cgroup::make(Flavour::V2, "edges")?;
    let mut doer = Doer::start_in(&netns, Deed::Datagrams)?;
    cgroup.enter(doer.pid())?;
    let label = cgroup.target();
    let mut client = observe(engine, &[&label], Signal::Udp)?;
    let so_far = |frame: &Frame| -> Result<Sum> {
        Ok(Sum {
            counted: sum(frame, "udp_edge_packets")?,
            lost: lost(frame, &["no-edge"])?,
        })
    };
    let all = |frame: &Frame| so_far(frame).map(|Sum { counted, lost }| counted + lost);
    let before = so_far(&settled(&mut client, all)?)?;
    let rounds = effort.rounds(ROUNDS);
    let mut took_ns = 0;
    for number in 1..=rounds {
        took_ns += doer.perform(DATAGRAMS)?.iter().sum::<u64>();
        effort.progress(&format!("datagrams: {number} of {rounds}"));
    }
    let seen = so_far(&settled(&mut client, all)?)?.since(before);
    ensure!(seen.lost > 0, "there were edges for all {PEERS} peers");
    let made = (rounds * DATAGRAMS * THREADS) as u64;
    let metric = "datagrams to more peers than edges, sent but neither counted nor told";
    Ok(seen.row(metric, made, took_ns))
}

/// Processes that end as soon as they have begun.
pub(super) fn processes(effort: Effort, engine: &Engine) -> Result<Row> {
    let cgroup = Cgroup::make(Flavour::V2, "processes")?;
    let mut doer = Doer::start(Deed::Processes)?;
    cgroup.enter(doer.pid())?;
    let label = cgroup.target();
    let mut client = observe(engine, &[&label], Signal::Life)?;
    doer.perform(1)?;
    let counted = |frame: &Frame| count(frame, "exits", &[&label, END, "none"]);
    let so_far = |frame: &Frame| -> Result<Sum> {
        Ok(Sum {
            counted: counted(frame)?,
            lost: lost(frame, &["no-row", "no-count"])?,
        })
    };
    let before = so_far(&settled(&mut client, counted)?)?;
    let rounds = effort.rounds(ROUNDS);
    let mut took_ns = 0;
    for number in 1..=rounds {
        took_ns += doer.perform(PROCESSES)?.iter().sum::<u64>();
        effort.progress(&format!("processes: {number} of {rounds}"));
    }
    let seen = so_far(&settled(&mut client, counted)?)?.since(before);
    let made = (rounds * PROCESSES * THREADS) as u64;
    let metric = "short-lived processes, ended but neither counted nor told";
    Ok(seen.row(metric, made, took_ns))
}

/// One who looks at these for one signal.
pub(super) fn observe(engine: &Engine, targets: &[&str], signal: Signal) -> Result<Client> {
    let targets = targets.iter().map(|target| target.parse::<Selector>());
    let targets = targets.collect::<Result<_, _>>();
    let mut client = engine.client()?;
    client.observe(Wanted {
        targets: targets.map_err(anyhow::Error::msg)?,
        signals: [signal].into(),
        top: 0,
    })?;
    Ok(client)
}
