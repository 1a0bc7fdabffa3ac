//! Trials of packets, between sockets of a namespace where nobody else is.
//!
//! A lost packet is told from a late one by a second packet on the same way, sent after it to a port
//! that the fault does not name: when that one has come, the first will not.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use injector_core::fault::Kind;
use injector_core::plan::{Mechanism, Select, Way};
use injector_core::units::format_duration;

use super::acting::{Acting, Order};
use super::obstacle::{Obstacle, not_seen, prepare};
use super::stage::Stage;
use super::subject::PATIENCE;
use crate::loader::Kernel;

/// How long the delay line of the trial holds packets.
const LATENCY: Duration = Duration::from_millis(3);

/// How many packets may be slow by themselves, on a busy machine, or come before the line is ready.
const TRIES: u8 = 50;

/// Packets are lost at an interface, either way, silently.
pub(super) fn tcx(stage: &Stage, kernel: &mut Kernel) -> Result<(), Obstacle> {
    for way in [Way::Egress, Way::Ingress] {
        let (sender, named, other) = (open()?, Receiver::open()?, Receiver::open()?);
        named.must_get_from(&sender, "a packet did not arrive before anything was done")?;
        let ports = named.port.to_string();
        let order = Order {
            kind: Kind::NetLoss,
            mechanism: Mechanism::TcxLoss,
            params: &[("protocol", "udp"), ("ports", &ports)],
            hooks: vec![stage.loopback(way)],
            whom: Select::default(),
        };
        let acting = Acting::begin(kernel, &order)?;
        send(&sender, named.port)?;
        other.must_get_from(
            &sender,
            "a packet that the fault does not name did not arrive",
        )?;
        if named.get(Duration::ZERO)? || acting.injected()? == 0 {
            return not_seen(format!("attached to {way}, and the packet was not lost"));
        }
        acting.end();
        named.must_get_from(&sender, "packets were still lost after the end")?;
    }
    Ok(())
}

/// Packets wait in a TAP device.
pub(super) fn tap_line(stage: &Stage, kernel: &mut Kernel) -> Result<(), Obstacle> {
    let (sender, receiver) = (open()?, Receiver::open()?);
    receiver.must_get_from(&sender, "a packet did not arrive before anything was done")?;
    let (ports, latency) = (receiver.port.to_string(), format_duration(LATENCY));
    let order = Order {
        kind: Kind::NetDelay,
        mechanism: Mechanism::TapDelay,
        params: &[
            ("protocol", "udp"),
            ("ports", &ports),
            ("latency", &latency),
        ],
        hooks: vec![stage.loopback(Way::Egress)],
        whom: Select::default(),
    };
    let acting = Acting::begin(kernel, &order)?;
    await_delay(&acting, &sender, &receiver)?;
    let forwarded = acting.end().map_or(0, |line| line.forwarded);
    if forwarded == 0 {
        return not_seen("the packet was late, and not by way of the TAP device");
    }
    for _ in 0..TRIES {
        if receiver.takes(&sender)? < LATENCY {
            return Ok(());
        }
    }
    not_seen("packets were still held back after the end")
}

/// Packets come twice.
pub(super) fn copied(stage: &Stage, kernel: &mut Kernel) -> Result<(), Obstacle> {
    let (sender, receiver) = (open()?, Receiver::open()?);
    receiver.must_get_from(&sender, "a packet did not arrive before anything was done")?;
    let ports = receiver.port.to_string();
    let order = Order {
        kind: Kind::NetDuplicate,
        mechanism: Mechanism::TcxClone,
        params: &[("protocol", "udp"), ("ports", &ports)],
        hooks: vec![stage.loopback(Way::Egress)],
        whom: Select::default(),
    };
    let acting = Acting::begin(kernel, &order)?;
    receiver.must_get_from(&sender, "the packet did not arrive")?;
    if !receiver.get(PATIENCE)? || acting.injected()? == 0 {
        return not_seen("the packet came only once");
    }
    acting.end();
    receiver.must_get_from(&sender, "a packet did not arrive after the end")?;
    if receiver.get(Duration::ZERO)? {
        return not_seen("packets still came twice after the end");
    }
    Ok(())
}

/// The receiver reads what nobody wrote.
pub(super) fn rewritten(stage: &Stage, kernel: &mut Kernel) -> Result<(), Obstacle> {
    let (sender, receiver) = (open()?, Receiver::open()?);
    let ports = receiver.port.to_string();
    let order = Order {
        kind: Kind::NetCorrupt,
        mechanism: Mechanism::TcxRewrite,
        params: &[("protocol", "udp"), ("ports", &ports), ("how", "silent")],
        hooks: vec![stage.loopback(Way::Egress)],
        whom: Select::default(),
    };
    let acting = Acting::begin(kernel, &order)?;
    send(&sender, receiver.port)?;
    if receiver.read()? == *SENT || acting.injected()? == 0 {
        return not_seen("the packet arrived as it was sent");
    }
    acting.end();
    send(&sender, receiver.port)?;
    if receiver.read()? != *SENT {
        return not_seen("packets were still changed after the end");
    }
    Ok(())
}

/// Who sends to a place that is cut off hears of it.
pub(super) fn answered(stage: &Stage, kernel: &mut Kernel) -> Result<(), Obstacle> {
    for (how, expected) in [
        ("reset", ErrorKind::ConnectionRefused),
        ("reject", ErrorKind::HostUnreachable),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(prepare("listen"))?;
        let address = listener.local_addr().map_err(prepare("listen"))?;
        let ports = address.port().to_string();
        let order = Order {
            kind: Kind::NetPartition,
            mechanism: Mechanism::TcxAnswer,
            params: &[("ports", &ports), ("direction", "out"), ("how", how)],
            hooks: vec![stage.loopback(Way::Egress)],
            whom: Select::default(),
        };
        let acting = Acting::begin(kernel, &order)?;
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Err(error) if error.kind() == expected => {}
            other => return not_seen(format!("{how}: connecting gave {other:?}")),
        }
        acting.end();
        TcpStream::connect_timeout(&address, PATIENCE).map_err(prepare("connect after the end"))?;
    }
    Ok(())
}

/// The line passes packets until its loop runs for the first time.
fn await_delay(
    acting: &Acting<'_>,
    sender: &UdpSocket,
    receiver: &Receiver,
) -> Result<(), Obstacle> {
    for _ in 0..TRIES {
        let took = receiver.takes(sender)?;
        match acting.injected()? {
            0 => super::room::pause(),
            _ if took < LATENCY => {
                return not_seen(format!(
                    "the packet was to wait {LATENCY:?} and arrived after {took:?}"
                ));
            }
            _ => return Ok(()),
        }
    }
    not_seen("no packet took the way through the TAP device")
}

/// A socket of the prober's own.
#[derive(Debug)]
pub(super) struct Receiver {
    socket: UdpSocket,
    pub(super) port: u16,
}

impl Receiver {
    pub(super) fn open() -> Result<Self, Obstacle> {
        let socket = open()?;
        let address = socket.local_addr().map_err(prepare("open a socket"))?;
        Ok(Self {
            socket,
            port: address.port(),
        })
    }

    /// Whether a packet comes within `patience`.
    pub(super) fn get(&self, patience: Duration) -> Result<bool, Obstacle> {
        let receive = || -> io::Result<()> {
            self.socket.set_nonblocking(patience.is_zero())?;
            if !patience.is_zero() {
                self.socket.set_read_timeout(Some(patience))?;
            }
            self.socket.recv(&mut [0]).map(drop)
        };
        match receive() {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(false)
            }
            Err(error) => Err(prepare("receive a packet")(error)),
        }
    }

    /// What a packet says that comes now.
    fn read(&self) -> Result<[u8; 1], Obstacle> {
        let mut byte = [0];
        let received = self.socket.set_nonblocking(false).and_then(|()| {
            self.socket.set_read_timeout(Some(PATIENCE))?;
            self.socket.recv(&mut byte)
        });
        received.map_err(prepare("receive a packet"))?;
        Ok(byte)
    }

    pub(super) fn must_get_from(
        &self,
        sender: &UdpSocket,
        otherwise: &str,
    ) -> Result<(), Obstacle> {
        send(sender, self.port)?;
        if self.get(PATIENCE)? {
            Ok(())
        } else {
            not_seen(otherwise)
        }
    }

    /// How long a packet is under way.
    fn takes(&self, sender: &UdpSocket) -> Result<Duration, Obstacle> {
        let begun = Instant::now();
        self.must_get_from(sender, "a packet that was to be late did not arrive at all")?;
        Ok(begun.elapsed())
    }
}

pub(super) fn open() -> Result<UdpSocket, Obstacle> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(prepare("open a socket"))
}

const SENT: &[u8; 1] = b"?";

/// A fault that loses packets does it silently: an error here is one of the trial.
pub(super) fn send(sender: &UdpSocket, port: u16) -> Result<(), Obstacle> {
    let sent = sender.send_to(SENT, (Ipv4Addr::LOCALHOST, port));
    sent.map(drop).map_err(prepare("send a packet"))
}
