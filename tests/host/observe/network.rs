//! Connections, datagrams and questions to name servers.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::telemetry::{Frame, Series, Signal, Value, named};
use temblor_tests::{Netns, params, wait_until};

use super::scene::{Scene, count, durations, gauge};
use crate::bustle::{denied, question};
use crate::stage::{DEADLINE, Stage};

/// The tests' own process is in no cgroup of theirs: what it does is the host's.
const HOST: &str = "host";

#[test]
fn connections_are_counted_at_both_ends_with_their_bytes() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut client = scene.observe_all(&[HOST], &[Signal::Tcp])?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    for _ in 0..3 {
        exchange(&listener, address)?;
    }
    let port = address.port().to_string();
    let frame = client.frame()?;
    for (role, sent, received) in [("client", 3 * 500, 3 * 70), ("server", 3 * 70, 3 * 500)] {
        let labels = [HOST, role, "127.0.0.1", port.as_str()];
        let counted = |metric| count(&frame, metric, &labels);
        assert_eq!(counted("tcp_edge_connections")?, 3, "{role}");
        assert_eq!(counted("tcp_edge_failures")?, 0, "{role}");
        assert_eq!(counted("tcp_edge_sent")?, sent, "{role}");
        assert_eq!(counted("tcp_edge_received")?, received, "{role}");
    }
    assert!(durations(&frame, "tcp_connect_duration", &[HOST])?.count() >= 3);
    drop(client);
    scene.close()
}

/// 500 bytes there and 70 back.
fn talk(asks: &mut TcpStream, answers: &mut TcpStream) -> Result<()> {
    asks.write_all(&[1; 500])?;
    answers.read_exact(&mut [0; 500])?;
    answers.write_all(&[2; 70])?;
    asks.read_exact(&mut [0; 70])?;
    Ok(())
}

/// The same, closed by both.
fn exchange(listener: &TcpListener, address: SocketAddr) -> Result<()> {
    let mut asks = TcpStream::connect(address)?;
    let (mut answers, _peer) = listener.accept()?;
    talk(&mut asks, &mut answers)?;
    // Whoever has been told that the other has ended has had everything acknowledged.
    drop(asks);
    answers
        .read_exact(&mut [0])
        .err()
        .context("the other end is closed")?;
    drop(answers);
    Ok(())
}

#[test]
fn what_an_open_connection_carries_is_counted_even_if_it_is_older_than_the_observer() -> Result<()>
{
    let scene = Scene::set(&["getsid"])?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut asks = TcpStream::connect(listener.local_addr()?)?;
    let (mut answers, _peer) = listener.accept()?;
    talk(&mut asks, &mut answers)?;
    let mut client = scene.observe_all(&[HOST], &[Signal::Tcp])?;
    // With the first of these it is seen to be there.
    talk(&mut asks, &mut answers)?;
    // Of an old connection nobody knows who asked; the lower port is taken for the server's.
    let ports = [asks.local_addr()?.port(), answers.local_addr()?.port()];
    let is_turned = ports[0] < ports[1];
    let port = ports[usize::from(!is_turned)].to_string();
    let (asker, answerer) = if is_turned {
        ("server", "client")
    } else {
        ("client", "server")
    };
    let carried = |frame: &Frame, role| -> Result<[u64; 2]> {
        let labels = [HOST, role, "127.0.0.1", port.as_str()];
        let counted = |metric| count(frame, metric, &labels);
        Ok([counted("tcp_edge_sent")?, counted("tcp_edge_received")?])
    };
    let known = client.frame()?;
    let before = [carried(&known, asker)?, carried(&known, answerer)?];
    for _ in 0..5 {
        talk(&mut asks, &mut answers)?;
    }
    // The last answer is acknowledged when its reader has read it, or soon after.
    wait_until("everything is counted", DEADLINE, || {
        let frame = client.frame();
        frame.is_ok_and(|frame| {
            let of = |role| carried(&frame, role).unwrap_or_default();
            let more = |now: [u64; 2], then: [u64; 2]| [now[0] - then[0], now[1] - then[1]];
            let asks = more(of(asker), before[0]);
            let answers = more(of(answerer), before[1]);
            // Of the round before, the last acknowledgement may have come after the first frame.
            asks == [2500, 350] && (answers == [350, 2500] || answers == [420, 2500])
        })
    })?;
    drop(client);
    scene.close()
}

#[test]
fn a_refused_connection_is_counted_by_its_error_and_reset() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut client = scene.observe_all(&[HOST], &[Signal::Tcp])?;
    // A port that nobody listens at: it is ours for as long as it is bound.
    let taken = socket_at_a_port()?;
    let refused = TcpStream::connect(taken).err().context("nobody listens")?;
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let frame = client.frame()?;
    let port = taken.port().to_string();
    let labels = [HOST, "client", "127.0.0.1", port.as_str()];
    assert_eq!(count(&frame, "tcp_edge_failures", &labels)?, 1);
    assert!(count(&frame, "tcp_connect_errors", &[HOST, "ECONNREFUSED"])? >= 1);
    assert!(count(&frame, "tcp_resets", &[HOST, "received"])? >= 1);
    drop(client);
    scene.close()
}

#[test]
fn segments_that_are_sent_again_are_as_many_as_the_kernel_counted() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut client = scene.observe_all(&[HOST], &[Signal::Tcp])?;
    let Stage { world, engine, .. } = &scene.stage;
    let (netns, to) = (&world.client.netns, scene.stage.echoes[0]);
    let mut stream = netns.inside(|| TcpStream::connect(to))??;
    stream.set_read_timeout(Some(DEADLINE))?;
    let mute = format!("netns:{}", world.server.netns.name());
    let mute = [
        ("target", &*mute),
        ("probability", "100%"),
        ("duration", "60s"),
    ];
    let mut harm = engine.client()?;
    let armed = harm.arm(Kind::NetLoss, &params(mute))?;
    stream.write_all(&[1; 10])?;
    wait_until("it is sent again, twice", DEADLINE, || {
        sent_again(netns).is_ok_and(|segments| segments > 1)
    })?;
    harm.stop_one(&armed)?;
    stream.read_exact(&mut [0; 10])?;
    let frame = client.frame()?;
    let (peer, port) = (to.ip().to_string(), to.port().to_string());
    let labels = [HOST, "client", &peer, &port];
    let counted = count(&frame, "tcp_edge_retransmits", &labels)?;
    assert_eq!(counted, sent_again(netns)?);
    assert!(count(&frame, "tcp_retransmits", &[HOST])? >= counted);
    let round_trip = gauge(&frame, "tcp_edge_round_trip", &labels)?;
    assert!(
        round_trip.is_some_and(|seconds| seconds > 0.0),
        "{round_trip:?}"
    );
    drop((client, stream));
    scene.close()
}

/// Segments of a namespace, as in `/proc/net/snmp`.
fn sent_again(netns: &Netns) -> Result<u64> {
    let text = netns.inside(|| fs::read_to_string("/proc/thread-self/net/snmp"))??;
    let mut rows = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, numbers) = rows.next().zip(rows.next()).context("two lines")?;
    let mut columns = names.split(' ').zip(numbers.split(' '));
    let found = columns.find(|(name, _number)| *name == "RetransSegs");
    Ok(found.context("a number of segments")?.1.parse()?)
}

#[test]
fn who_closes_without_having_read_everything_sends_a_reset() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut client = scene.observe_all(&[HOST], &[Signal::Tcp])?;
    let before = count(&client.frame()?, "tcp_resets", &[HOST, "sent"])?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let reads_nothing = TcpStream::connect(listener.local_addr()?)?;
    let (mut writes, _peer) = listener.accept()?;
    writes.write_all(&[1; 10])?;
    // What it does not read is there when it closes.
    reads_nothing.peek(&mut [0; 1])?;
    drop(reads_nothing);
    let after = count(&client.frame()?, "tcp_resets", &[HOST, "sent"])?;
    assert!(after > before, "{before} before, {after} after");
    drop(client);
    scene.close()
}

/// An address at which nobody listens any more.
fn socket_at_a_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

#[test]
fn connections_of_a_cgroup_are_its_own() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut stage_client = scene.observe(&[Signal::Tcp, Signal::Udp])?;
    let mut scene = scene;
    scene.cgroup.enter(scene.stage.client.pid())?;
    let to = scene.stage.echoes[0];
    scene.stage.client.tcp_times(to, 2)?;
    scene.stage.other.tcp_times(to, 2)?;
    let (answered, _errors) = scene.stage.client.datagrams(to, 4)?;
    assert_eq!(answered.len(), 4);
    scene.stage.other.datagrams(to, 4)?;
    let frame = stage_client.frame()?;
    let (peer, port) = (to.ip().to_string(), to.port().to_string());
    let labels = [label.as_str(), "client", &peer, &port];
    assert_eq!(count(&frame, "tcp_edge_connections", &labels)?, 1);
    // There and back; of two high ports the lower one is taken for the server's.
    let metric = named("udp_edge_packets").map_err(anyhow::Error::msg)?;
    let ours = |(series, _): &(&Series, &Value)| {
        series.label("target") == Some(&label) && series.label("peer") == Some(&peer)
    };
    let packets: u64 = frame
        .of(metric)
        .filter(ours)
        .map(|(_series, value)| value.count())
        .sum();
    assert_eq!(packets, 8);
    drop(stage_client);
    scene.stage.client.end()?;
    scene.close()
}

#[test]
fn questions_are_matched_with_their_answers() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut client = scene.observe_all(&[HOST], &[Signal::Dns])?;
    let before = client.frame()?;
    let server = UdpSocket::bind((Ipv4Addr::new(127, 53, 53, 53), 53))?;
    let asker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    asker.connect(server.local_addr()?)?;
    for id in 0..3 {
        asker.send(&question(id))?;
        let mut asked = [0; 64];
        let (length, from) = server.recv_from(&mut asked)?;
        server.send_to(&denied(&mut asked, length), from)?;
        asker.recv(&mut asked)?;
    }
    // One that is not answered.
    asker.send(&question(9))?;
    let after = client.frame()?;
    let more = |metric, labels: &[&str]| -> Result<u64> {
        Ok(count(&after, metric, labels)? - count(&before, metric, labels)?)
    };
    assert_eq!(more("dns_questions", &[HOST])?, 4);
    assert_eq!(more("dns_answers", &[HOST, "NXDOMAIN"])?, 3);
    assert_eq!(durations(&after, "dns_duration", &[HOST])?.count(), 3);
    drop(client);
    scene.close()
}
