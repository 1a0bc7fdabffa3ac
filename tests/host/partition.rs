//! `net.partition`: exactly what passes and what does not.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::Result;
use injector_core::fault::Kind;
use nix::errno::Errno;
use temblor_tests::{Client, Flow, Node, params};

use super::stage::{DEADLINE, Stage};

/// Longer than anything takes here that passes at all; it only costs time where nothing passes.
const SILENCE: Duration = Duration::from_millis(400);

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Passes,
    /// Nothing is heard of it.
    Vanishes,
    /// A reset.
    Refused,
    /// An ICMP error.
    Prohibited,
    /// The connection is gone.
    Broken,
    /// With an error that is none of these.
    Odd,
}

use Fate::{Broken, Passes, Prohibited, Refused, Vanishes};

/// Datagrams to the server and from it, connecting to it and from it, and sending to it and from it
/// over a connection that was open before.
type Fates = [Fate; 6];

/// A connection between client and server, and a place to connect to at each of them.
struct Ends {
    client: Ear,
    server: Ear,
    near: TcpStream,
    far: TcpStream,
}

/// Somebody who listens.
struct Ear {
    listener: TcpListener,
    at: SocketAddr,
}

fn listen(node: &Node, family: usize) -> Result<Ear> {
    let address = node.addresses()[family];
    let listener = node.netns.inside(|| TcpListener::bind((address, 0)))??;
    let at = listener.local_addr()?;
    Ok(Ear { listener, at })
}

impl Ends {
    fn open(stage: &Stage, family: usize) -> Result<Self> {
        let client = listen(&stage.world.client, family)?;
        let server = listen(&stage.world.server, family)?;
        let near = stage
            .world
            .client
            .netns
            .inside(|| TcpStream::connect(server.at))??;
        let (far, _from) = server.listener.accept()?;
        Ok(Self {
            client,
            server,
            near,
            far,
        })
    }

    /// Waits for long only where something is expected.
    fn fates(&mut self, stage: &Stage, family: usize, expected: Fates) -> Result<Fates> {
        let patience = expected.map(|fate| match fate {
            Vanishes => SILENCE,
            _ => DEADLINE,
        });
        let (here, there) = (&stage.world.client, &stage.world.server);
        Ok([
            datagrams(here, there, family)?,
            datagrams(there, here, family)?,
            connect(here, self.server.at, patience[2])?,
            connect(there, self.client.at, patience[3])?,
            send(&mut self.near, &mut self.far, patience[4])?,
            send(&mut self.far, &mut self.near, patience[5])?,
        ])
    }
}

fn datagrams(from: &Node, to: &Node, family: usize) -> Result<Fate> {
    let flow = Flow::open(&from.netns, &to.netns, to.addresses()[family])?;
    match flow.send(3, 64) {
        Ok(arrived) if arrived.len() == 3 => Ok(Passes),
        Ok(arrived) => {
            assert_eq!(arrived, vec![]);
            Ok(Vanishes)
        }
        // The error of one that was sent before.
        Err(error) => Ok(fate(&error.downcast()?)),
    }
}

fn fate(error: &std::io::Error) -> Fate {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ECONNREFUSED) => Refused,
        // What Linux makes of "administratively prohibited" of IPv4 and IPv6.
        Some(Errno::EHOSTUNREACH | Errno::EACCES) => Prohibited,
        Some(Errno::ECONNABORTED | Errno::ECONNRESET | Errno::EPIPE) => Broken,
        _ if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => Vanishes,
        _ => Fate::Odd,
    }
}

fn connect(from: &Node, to: SocketAddr, patience: Duration) -> Result<Fate> {
    let connected = from
        .netns
        .inside(|| TcpStream::connect_timeout(&to, patience))?;
    Ok(connected.map_or_else(|error| fate(&error), |_stream| Passes))
}

fn send(from: &mut TcpStream, to: &mut TcpStream, patience: Duration) -> Result<Fate> {
    if let Err(error) = from.write_all(b"?") {
        return Ok(fate(&error));
    }
    to.set_read_timeout(Some(patience))?;
    match to.read(&mut [0]) {
        Ok(0) => Ok(Broken),
        Ok(_) => Ok(Passes),
        Err(error) => Ok(fate(&error)),
    }
}

fn arm(client: &mut Client, stage: &Stage, more: &[(&str, &str)]) -> Result<temblor_tests::Armed> {
    let target = stage.client_netns();
    let basic = [("target", &*target), ("duration", "5m")];
    client.arm(
        Kind::NetPartition,
        &params(basic.into_iter().chain(more.to_vec())),
    )
}

/// What is cut off by `more`, for both families; the sibling is not, and afterwards nobody is.
fn check(stage: &mut Stage, more: &[(&str, &str)], expected: Fates) -> Result<()> {
    for family in [0, 1] {
        let mut ends = Ends::open(stage, family)?;
        let mut client = stage.engine.client()?;
        let armed = arm(&mut client, stage, more)?;
        assert_eq!(
            ends.fates(stage, family, expected)?,
            expected,
            "{more:?} {family}"
        );
        let (other, server) = (&stage.world.other, &stage.world.server);
        assert_eq!(datagrams(other, server, family)?, Passes);
        assert_eq!(connect(other, ends.server.at, DEADLINE)?, Passes);
        let report = client.stop_one(&armed)?;
        let broken = expected[4..].contains(&Broken);
        assert_eq!(
            report.connections_reset.is_some_and(|count| count > 0),
            broken
        );
        let mut again = Ends::open(stage, family)?;
        let all = [Passes; 6];
        assert_eq!(again.fates(stage, family, all)?, all, "after {more:?}");
        if !broken {
            recovers(&mut ends)?;
        }
    }
    Ok(())
}

/// What was held up in an open connection arrives when TCP sends it again.
fn recovers(ends: &mut Ends) -> Result<()> {
    let Ends { near, far, .. } = ends;
    catches_up(near, far)?;
    catches_up(far, near)
}

fn catches_up(from: &mut TcpStream, to: &mut TcpStream) -> Result<()> {
    from.write_all(b"!")?;
    to.set_read_timeout(Some(DEADLINE))?;
    let mut byte = [0];
    while byte != *b"!" {
        to.read_exact(&mut byte)?;
    }
    Ok(())
}

#[test]
fn everything_or_one_way_or_one_protocol_is_cut_off() -> Result<()> {
    let mut stage = Stage::set()?;
    let cut = [Vanishes; 6];
    check(&mut stage, &[], cut)?;
    // An answer has to come back for a connection, but not for what it carries.
    let out = [Vanishes, Passes, Vanishes, Vanishes, Vanishes, Passes];
    check(&mut stage, &[("direction", "out")], out)?;
    let into = [Passes, Vanishes, Vanishes, Vanishes, Passes, Vanishes];
    check(&mut stage, &[("direction", "in")], into)?;
    let udp = [Vanishes, Vanishes, Passes, Passes, Passes, Passes];
    check(&mut stage, &[("protocol", "udp")], udp)?;
    let tcp = [Passes, Passes, Vanishes, Vanishes, Vanishes, Vanishes];
    check(&mut stage, &[("protocol", "tcp")], tcp)?;
    stage.close()
}

#[test]
fn peers_that_are_not_named_are_reached() -> Result<()> {
    let mut stage = Stage::set()?;
    let cut = [Vanishes; 6];
    check(&mut stage, &[("peers", "10.77.0.0/24,fd77::/64")], cut)?;
    check(
        &mut stage,
        &[("peers", "10.99.0.0/24,fd99::/64")],
        [Passes; 6],
    )?;
    check(&mut stage, &[("ports", "9")], [Passes; 6])?;
    stage.close()
}

#[test]
fn new_connections_can_be_cut_off_alone() -> Result<()> {
    let mut stage = Stage::set()?;
    let new = ("connections", "new");
    let both = [Passes, Passes, Vanishes, Vanishes, Passes, Passes];
    check(&mut stage, &[new], both)?;
    let out = [Passes, Passes, Vanishes, Passes, Passes, Passes];
    check(&mut stage, &[new, ("direction", "out")], out)?;
    let into = [Passes, Passes, Passes, Vanishes, Passes, Passes];
    check(&mut stage, &[new, ("direction", "in")], into)?;
    stage.close()
}

#[test]
fn open_connections_can_be_cut_off_alone() -> Result<()> {
    let mut stage = Stage::set()?;
    let open = ("connections", "established");
    let both = [Passes, Passes, Passes, Passes, Vanishes, Vanishes];
    check(&mut stage, &[open], both)?;
    let out = [Passes, Passes, Passes, Passes, Vanishes, Passes];
    check(&mut stage, &[open, ("direction", "out")], out)?;
    stage.close()
}

#[test]
fn a_reset_breaks_what_is_open_and_refuses_what_is_new() -> Result<()> {
    let mut stage = Stage::set()?;
    let reset = ("how", "reset");
    let all = [Vanishes, Vanishes, Refused, Refused, Broken, Broken];
    check(&mut stage, &[reset], all)?;
    let new = [Passes, Passes, Refused, Refused, Passes, Passes];
    check(&mut stage, &[reset, ("connections", "new")], new)?;
    let open = [Passes, Passes, Passes, Passes, Broken, Broken];
    check(&mut stage, &[reset, ("connections", "established")], open)?;
    stage.close()
}

#[test]
fn who_is_rejected_hears_of_it() -> Result<()> {
    let mut stage = Stage::set()?;
    let all = [
        Prohibited, Prohibited, Prohibited, Prohibited, Vanishes, Vanishes,
    ];
    check(&mut stage, &[("how", "reject")], all)?;
    let new = [Passes, Passes, Prohibited, Prohibited, Passes, Passes];
    check(
        &mut stage,
        &[("how", "reject"), ("connections", "new")],
        new,
    )?;
    stage.close()
}

#[test]
fn a_connection_of_somebody_else_in_the_same_namespace_as_the_peer_is_not_reset() -> Result<()> {
    let stage = Stage::set()?;
    let (server, other) = (&stage.world.server, &stage.world.other);
    let listening = listen(server, 0)?;
    let mut theirs = other.netns.inside(|| TcpStream::connect(listening.at))??;
    let (mut far, _from) = listening.listener.accept()?;
    let mut client = stage.engine.client()?;
    let armed = arm(&mut client, &stage, &[("how", "reset")])?;
    assert_eq!(send(&mut theirs, &mut far, DEADLINE)?, Passes);
    client.stop_one(&armed)?;
    stage.close()
}
