//! Trials of telling whose a packet is in a namespace that two share: the subject and the prober.

use std::time::Duration;

use injector_core::fault::Kind;
use injector_core::plan::{CgroupId, Hook, Mechanism, Select, Way};

use super::acting::{Acting, Order};
use super::obstacle::{Obstacle, not_seen, prepare_errno};
use super::packets::{Receiver, open, send};
use super::room::Room;
use super::stage::Stage;
use super::subject::{PATIENCE, Subject};
use super::wire::Request;
use crate::loader::Kernel;

/// Packets that arrive for a socket of a cgroup are lost, and those for the prober's are not.
pub(super) fn lookup(
    stage: &Stage,
    room: &Room,
    subject: &Subject,
    kernel: &mut Kernel,
) -> Result<(), Obstacle> {
    let (sender, own) = (open()?, Receiver::open()?);
    let port = bound(subject)?;
    send(&sender, port)?;
    if !gets(subject, PATIENCE)? {
        return not_seen("a packet did not arrive before anything was done");
    }
    let order = Order {
        kind: Kind::NetLoss,
        mechanism: Mechanism::TcxLoss,
        params: &[("protocol", "udp"), ("direction", "in")],
        hooks: vec![stage.loopback(Way::Ingress)],
        whom: Select {
            cgroup: Some(CgroupId {
                id: room.id()?,
                path: room.path().to_owned(),
            }),
            ..Select::default()
        },
    };
    let acting = Acting::begin(kernel, &order)?;
    send(&sender, port)?;
    own.must_get_from(&sender, "a packet for somebody else did not arrive")?;
    if gets(subject, Duration::ZERO)? || acting.injected()? == 0 {
        return not_seen("the socket was to be looked up, and its packet was not lost");
    }
    acting.end();
    send(&sender, port)?;
    if gets(subject, PATIENCE)? {
        Ok(())
    } else {
        not_seen("packets were still lost after the end")
    }
}

/// Packets that leave sockets of a process are lost, whether it made them before or since, and those
/// of the prober are not.
pub(super) fn storage(
    stage: &Stage,
    room: &Room,
    subject: &Subject,
    kernel: &mut Kernel,
) -> Result<(), Obstacle> {
    let sender = open()?;
    let receivers = [Receiver::open()?, Receiver::open()?];
    make(subject, OLD)?;
    let acting = Acting::begin(kernel, &of_process(stage, room, subject))?;
    make(subject, NEW)?;
    for (socket, receiver) in [OLD, NEW].into_iter().zip(&receivers) {
        let before = acting.injected()?;
        say(subject, socket, receiver.port)?;
        if acting.injected()? == before {
            return not_seen(format!("{} was not marked", NAMES[usize::from(socket)]));
        }
        receiver.must_get_from(&sender, "a packet of somebody else was lost")?;
        if receiver.get(Duration::ZERO)? {
            return not_seen("a packet of a marked socket was not lost");
        }
    }
    acting.end();
    for (socket, receiver) in [OLD, NEW].into_iter().zip(&receivers) {
        say(subject, socket, receiver.port)?;
        if !receiver.get(PATIENCE)? {
            return not_seen("packets were still lost after the end");
        }
    }
    Ok(())
}

/// Loses what leaves the subject's sockets.
fn of_process(stage: &Stage, room: &Room, subject: &Subject) -> Order<'static> {
    Order {
        kind: Kind::NetLoss,
        mechanism: Mechanism::TcxLoss,
        params: &[("protocol", "udp")],
        hooks: vec![
            stage.loopback(Way::Egress),
            Hook::Sockets {
                path: room.path().to_owned(),
                id: 0,
            },
        ],
        whom: Select {
            thread_groups: vec![subject.pid()],
            ..Select::default()
        },
    }
}

/// The subject's sockets: made before the fault, and while it acts.
const OLD: u8 = 0;
const NEW: u8 = 1;
const NAMES: [&str; 2] = ["an open socket", "a new socket"];

fn make(subject: &Subject, socket: u8) -> Result<(), Obstacle> {
    let made = subject.ask(Request::Open { socket })?;
    made.map(drop).map_err(prepare_errno("open a socket"))
}

fn say(subject: &Subject, socket: u8, port: u16) -> Result<(), Obstacle> {
    let sent = subject.ask(Request::Send { socket, port })?;
    sent.map(drop).map_err(prepare_errno("send a packet"))
}

fn bound(subject: &Subject) -> Result<u16, Obstacle> {
    make(subject, OLD)?;
    subject
        .ask(Request::Bind { socket: OLD })?
        .map_err(prepare_errno("bind a socket"))
}

/// Whether a packet comes to the subject within `patience`.
fn gets(subject: &Subject, patience: Duration) -> Result<bool, Obstacle> {
    let milliseconds = u16::try_from(patience.as_millis()).unwrap_or(u16::MAX);
    let received = subject.ask(Request::Receive {
        socket: OLD,
        milliseconds,
    })?;
    Ok(received.is_ok())
}
