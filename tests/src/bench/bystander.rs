//! What faults cost a process that none of them concerns.
//!
//! The process sends datagrams to itself over the loopback interface of a network namespace of its
//! own, in bursts; its thread's processor time for a burst, which includes the way through the network
//! stack, is divided by the datagrams. Bursts with nothing armed alternate with bursts while faults of
//! three kinds act in another namespace and on another cgroup. Given is the mean difference of
//! neighbouring bursts with the 95 % interval by Student's t, the dearest twentieth at either end left
//! out. The second row does the same where the bystander shares the interface with 8 faults on other
//! ports: there it pays for being told apart, and the peer is the burst without faults.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use anyhow::Result;
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use injector_user::protocol::Which;
use injector_user::sys::poll;
use nix::time::{ClockId, clock_gettime};

use super::pair::Pair;
use super::row::{Row, Rows};
use super::statistics::{Mean, float, median};
use super::subject::{Habit, Subject};
use super::suite::Effort;
use crate::cgroup::Cgroup;
use crate::client::{Client, params};
use crate::engine::Engine;
use crate::netns::Netns;

const ROUNDS: usize = 400;
const BURST: usize = 2_000;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let (pair, cgroup) = (Pair::make()?, Cgroup::make(Flavour::V2, "bystander")?);
    let subject = Subject::start(Habit::Connects)?;
    cgroup.enter(subject.pid())?;
    let apart = differences(effort, "apart", &mut client, |client, _own| {
        elsewhere(client, &pair, &cgroup)
    })?;
    subject.finish()?;
    let shared = differences(effort, "same interface", &mut client, same_interface)?;
    let mut unrelated = apart.row("unrelated process, faults elsewhere");
    unrelated
        .note
        .push_str("; aim: it includes 0, or at most 10 ns");
    let free = apart.mean.mean.abs() <= apart.mean.half_width || apart.mean.mean <= 10.0;
    Ok(vec![
        unrelated.holds(free),
        shared.row("same interface, 8 faults on other ports"),
    ])
}

/// What faults added to a datagram, in nanoseconds.
struct Added {
    mean: Mean,
    without: f64,
    rounds: usize,
}

impl Added {
    fn row(&self, metric: &str) -> Row {
        let Mean { mean, half_width } = self.mean;
        Row::new(metric, "ns", mean, self.rounds).note(format!(
            "added to {:.0} ns a datagram, sent and received; 95 % interval {:.1} to {:.1} ns",
            self.without,
            mean - half_width,
            mean + half_width
        ))
    }
}

fn differences(
    effort: Effort,
    name: &str,
    client: &mut Client,
    arm: impl Fn(&mut Client, &Netns) -> Result<()>,
) -> Result<Added> {
    let own = Netns::make("bystander")?;
    let socket = own.inside(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))??;
    socket.connect(socket.local_addr()?)?;
    socket.set_nonblocking(true)?;
    let (mut added, mut without) = (Vec::new(), Vec::new());
    let rounds = effort.rounds(ROUNDS);
    for number in 1..=rounds {
        let before = settled_burst(&socket)?;
        arm(client, &own)?;
        let during = settled_burst(&socket)?;
        client.stop(Which::Mine)?;
        let after = settled_burst(&socket)?;
        added.push(during - f64::midpoint(before, after));
        without.extend([before, after]);
        if number % 50 == 0 {
            effort.progress(&format!("{name}: round {number} of {rounds}"));
        }
    }
    Ok(Added {
        mean: Mean::of(trimmed(&mut added)),
        without: median(&without),
        rounds,
    })
}

/// Without the least and the greatest twentieth.
fn trimmed(values: &mut [f64]) -> &[f64] {
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 20;
    values.get(cut..values.len() - cut).unwrap_or_default()
}

/// After arming or stopping the kernel is busy for a while: devices come up or go, memory is freed.
/// That costs whoever runs then some 30 ns a datagram, once; what acting faults cost comes after it.
const SETTLING: Duration = Duration::from_millis(50);

/// Processor time per datagram, in nanoseconds, when nothing changes and caches are warm.
fn settled_burst(socket: &UdpSocket) -> Result<f64> {
    poll::wait_readable([], SETTLING)?;
    burst(socket)?;
    burst(socket)
}

fn burst(socket: &UdpSocket) -> Result<f64> {
    let now = || clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    let begun = now()?;
    let mut bytes = [0; 64];
    for _ in 0..BURST {
        socket.send(&bytes)?;
        socket.recv(&mut bytes)?;
    }
    Ok(now()?.saturating_sub(begun).as_secs_f64() * 1e9 / float(BURST))
}

/// Faults of three kinds on others.
fn elsewhere(client: &mut Client, pair: &Pair, cgroup: &Cgroup) -> Result<()> {
    let (packets, calls) = (pair.target(), cgroup.target());
    let common = [("duration", "1m")];
    let faults = [
        (
            Kind::NetLoss,
            vec![("target", packets.as_str()), ("ports", "9001")],
        ),
        (
            Kind::NetDelay,
            vec![
                ("target", packets.as_str()),
                ("ports", "9002"),
                ("latency", "5ms"),
            ],
        ),
        (
            Kind::SockError,
            vec![
                ("target", calls.as_str()),
                ("operation", "connect"),
                ("errno", "ECONNREFUSED"),
            ],
        ),
    ];
    for (kind, own) in faults {
        client.arm(kind, &params(own.into_iter().chain(common)))?;
    }
    Ok(())
}

fn same_interface(client: &mut Client, own: &Netns) -> Result<()> {
    let target = format!("iface:lo@{}", own.name());
    for port in 9_001..=9_008 {
        let port = port.to_string();
        let given = params([
            ("target", target.as_str()),
            ("ports", &port),
            ("duration", "1m"),
        ]);
        client.arm(Kind::NetLoss, &given)?;
    }
    Ok(())
}
