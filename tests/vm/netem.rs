//! Our faults of packets beside the kernel's own (`tc netem`, `tc tbf`), with the same words, on two equal
//! clients of one server.
#![expect(clippy::cast_precision_loss, reason = "counts of some thousands")]

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use temblor_tests::{Actor, Arrival, Flow, Node, World, tool};

use super::stage::Stage;

/// Datagrams that each of the two sends at once: fewer than any queue on the way holds.
const ROUND: u32 = 250;
const ROUNDS: u32 = 16;
const MANY: u32 = ROUND * ROUNDS;
const SIZE: usize = 1_000;

/// A qdisc of the kernel's at a client.
struct Qdisc<'a> {
    netns: &'a str,
}

impl<'a> Qdisc<'a> {
    /// In the words of `tc qdisc add … root`.
    fn add(node: &'a Node, words: &str) -> Result<Self> {
        let netns = node.netns.name();
        let place = ["-n", netns, "qdisc", "add", "dev", Node::INTERFACE, "root"];
        let words: Vec<&str> = place.into_iter().chain(words.split(' ')).collect();
        tool("tc", &words)?;
        Ok(Self { netns })
    }

    fn remove(self) -> Result<()> {
        let place = ["qdisc", "del", "dev", Node::INTERFACE, "root"];
        tool("tc", &[&["-n", self.netns], &place[..]].concat()).map(drop)
    }
}

/// What the same work gives while our fault acts on the one client and the kernel's on the other.
fn both<T>(
    stage: &mut Stage,
    (kind, ours): (Kind, &[(&str, &str)]),
    theirs: &str,
    work: impl Fn(&mut Stage, Who) -> Result<T>,
) -> Result<[T; 2]> {
    acquaint(&stage.world)?;
    let mut client = stage.engine.client()?;
    let common = [("seed", "1"), ("protocol", "udp"), ("duration", "30m")];
    let given = [&common, ours].concat();
    let armed = stage.arm(&mut client, kind, &given)?;
    let first = work(stage, Who::Ours)?;
    client.stop_one(&armed)?;
    let qdisc = Qdisc::add(&stage.world.other, theirs)?.netns.to_owned();
    let second = work(stage, Who::Theirs);
    Qdisc { netns: &qdisc }.remove()?;
    Ok([first, second?])
}

/// Lets the server and the clients know each other for good: the kernel's qdisc damages and loses the
/// questions after a neighbour as well, which ours lets pass, and all that waits for an answer is lost.
fn acquaint(world: &World) -> Result<()> {
    let World {
        server,
        client,
        other,
        ..
    } = world;
    for (one, another) in [
        (client, server),
        (other, server),
        (server, client),
        (server, other),
    ] {
        let address = another.v4.to_string();
        let link = another.link_address()?;
        let place = ["-n", one.netns.name(), "neigh", "replace", &address];
        let known = ["lladdr", &link, "nud", "permanent", "dev", Node::INTERFACE];
        tool("ip", &[&place[..], &known].concat())?;
    }
    Ok(())
}

/// Whose client does the work.
#[derive(Clone, Copy, Debug)]
enum Who {
    Ours,
    Theirs,
}

impl Who {
    fn flow(self, stage: &Stage) -> Result<Flow> {
        match self {
            Self::Ours => stage.flow(0),
            Self::Theirs => stage.flow_of(&stage.world.other, 0),
        }
    }

    fn actor(self, stage: &mut Stage) -> (&mut Actor, SocketAddr) {
        let to = stage.echoes[0];
        match self {
            Self::Ours => (&mut stage.client, to),
            Self::Theirs => (&mut stage.other, to),
        }
    }
}

/// What arrives in each round.
fn send(stage: &mut Stage, who: Who) -> Result<Vec<Vec<Arrival>>> {
    let flow = who.flow(stage)?;
    (0..ROUNDS).map(|_round| flow.send(ROUND, SIZE)).collect()
}

fn count(rounds: &[Vec<Arrival>]) -> usize {
    rounds.iter().map(Vec::len).sum()
}

fn lost(rounds: &[Vec<Arrival>]) -> usize {
    (MANY as usize).saturating_sub(count(rounds))
}

/// So many of two times as many trials could have been drawn with one probability.
#[track_caller]
fn check_alike(found: [usize; 2]) {
    check_shares(found.map(|found| [found, MANY as usize]));
}

/// The same of so many out of so many: once in a million times this is wrong.
#[track_caller]
fn check_shares(found: [[usize; 2]; 2]) {
    let [ours, theirs] = found.map(|[found, trials]| found as f64 / trials as f64);
    let variance = |trials: usize| {
        let share = f64::midpoint(ours, theirs);
        assert!(share > 0.0 && share < 1.0, "{found:?}");
        share * (1.0 - share) / trials as f64
    };
    let deviation = (variance(found[0][1]) + variance(found[1][1])).sqrt();
    assert!((ours - theirs).abs() < 4.9 * deviation, "{found:?}");
}

#[test]
fn as_many_are_lost() -> Result<()> {
    let mut stage = Stage::set()?;
    let ours = (Kind::NetLoss, &[("probability", "10%")][..]);
    let found = both(&mut stage, ours, "netem loss 10% limit 100000", send)?;
    check_alike(found.map(|rounds| lost(&rounds)));
    stage.close()
}

#[test]
fn as_many_are_lost_in_bursts_as_long() -> Result<()> {
    let mut stage = Stage::set()?;
    let ours = (Kind::NetLoss, &[("p", "2%"), ("r", "25%")][..]);
    let theirs = "netem loss gemodel 2% 25% limit 100000";
    let found = both(&mut stage, ours, theirs, send)?;
    // The beginnings of bursts are independent, the lost ones are not.
    check_alike(found.each_ref().map(|rounds| bursts(rounds)));
    let mean = |rounds: &Vec<Vec<Arrival>>| lost(rounds) as f64 / bursts(rounds) as f64;
    let [ours, theirs] = found.each_ref().map(mean);
    assert!((ours / theirs - 1.0).abs() < 0.5, "{ours} {theirs}");
    stage.close()
}

/// How often one that was lost comes after one that was not.
fn bursts(rounds: &[Vec<Arrival>]) -> usize {
    let pairs = rounds.iter().flat_map(|arrived| arrived.windows(2));
    pairs
        .filter(|pair| pair[1].number > pair[0].number + 1)
        .count()
}

#[test]
fn as_many_come_twice() -> Result<()> {
    let mut stage = Stage::set()?;
    let ours = (Kind::NetDuplicate, &[("probability", "10%")][..]);
    let found = both(&mut stage, ours, "netem duplicate 10% limit 100000", send)?;
    check_alike(found.map(|rounds| count(&rounds).saturating_sub(MANY as usize)));
    stage.close()
}

#[test]
fn as_many_are_damaged_on_the_wire() -> Result<()> {
    let mut stage = Stage::set()?;
    let ours = (Kind::NetCorrupt, &[("probability", "10%")][..]);
    let found = both(&mut stage, ours, "netem corrupt 10% limit 100000", send)?;
    check_alike(found.map(|rounds| lost(&rounds)));
    stage.close()
}

/// Pairs of datagrams: enough to tell a share from another one.
const PAIRS: u32 = 1_000;

/// Of how many pairs that arrived the second one came first.
fn overtaking(stage: &mut Stage, who: Who) -> Result<[usize; 2]> {
    let flow = who.flow(stage)?;
    let mut found = [0, 0];
    for pair in 0..PAIRS {
        let numbers = [2 * pair, 2 * pair + 1];
        if let [first, _second] = flow.send_pair(numbers, SIZE)?[..] {
            found[0] += usize::from(first.number == numbers[1]);
            found[1] += 1;
        }
    }
    Ok(found)
}

#[test]
fn as_many_overtake() -> Result<()> {
    let mut stage = Stage::set()?;
    let given = [("latency", "20ms"), ("reorder", "10%")];
    let theirs = "netem delay 20ms reorder 10% limit 100000";
    let [ours, theirs] = both(&mut stage, (Kind::NetDelay, &given), theirs, overtaking)?;
    assert_eq!(ours[1], PAIRS as usize, "nothing is lost");
    check_shares([ours, theirs]);
    stage.close()
}

/// Round trips in milliseconds, the shortest first.
fn trips(stage: &mut Stage, who: Who) -> Result<Vec<f64>> {
    let (actor, to) = who.actor(stage);
    let times: Option<Vec<u64>> = actor.udp_times(to, 101)?.into_iter().collect();
    let mut times = times.context("nothing is lost")?;
    times.sort_unstable();
    Ok(times.iter().map(|us| *us as f64 / 1_000.0).collect())
}

#[test]
fn packets_come_as_late() -> Result<()> {
    let mut stage = Stage::set()?;
    let ours = (Kind::NetDelay, &[("latency", "20ms")][..]);
    let [ours, theirs] = both(&mut stage, ours, "netem delay 20ms", trips)?;
    let median = |times: &[f64]| times[times.len() / 2];
    let (ours, theirs) = (median(&ours), median(&theirs));
    assert!(ours >= 20.0 && theirs >= 20.0, "{ours} {theirs}");
    assert!((ours - theirs).abs() < 3.0, "{ours} {theirs}");
    stage.close()
}

#[test]
fn latencies_vary_as_much() -> Result<()> {
    let mut stage = Stage::set()?;
    let ours = (
        Kind::NetDelay,
        &[("latency", "40ms"), ("jitter", "20ms")][..],
    );
    let [ours, theirs] = both(&mut stage, ours, "netem delay 40ms 20ms", trips)?;
    let spread = |times: &[f64]| times[90] - times[10];
    // Of a uniform distribution of 40 ms the middle 80 % are 32 ms wide, of 101 draws give or take a
    // standard deviation of 1.8 ms.
    let (ours, theirs) = (spread(&ours), spread(&theirs));
    assert!((ours - theirs).abs() < 12.0, "{ours} {theirs}");
    assert!(ours > 20.0 && theirs > 20.0, "{ours} {theirs}");
    stage.close()
}

#[test]
fn as_much_gets_through_a_narrow_line() -> Result<()> {
    let mut stage = Stage::set()?;
    let ours = (Kind::NetRate, &[("rate", "4mbit"), ("burst", "4KiB")][..]);
    let theirs = "tbf rate 4mbit burst 4kb latency 1s";
    let [ours, theirs] = both(&mut stage, ours, theirs, |stage, who| {
        let (flow, begun) = (who.flow(stage)?, Instant::now());
        let arrived = flow.send(200, SIZE)?;
        assert_eq!(arrived.len(), 200, "{who:?}: nothing is lost");
        Ok(begun.elapsed().as_secs_f64())
    })?;
    // Both have waited for silence in the end.
    assert!((ours / theirs - 1.0).abs() < 0.15, "{ours} {theirs}");
    stage.close()
}
