//! Datagrams at a steady pace from the near to the far side of a pair, and what became of each.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};
use injector_user::clock::monotonic_ns;
use injector_user::sys::{poll, schedule};

use super::attempt::Attempt;
use super::pair::Pair;

/// A sender and a receiver, both with real-time priority, so that what they see is not their own wait
/// for a processor.
#[derive(Debug)]
pub(super) struct Stream {
    stop: Arc<AtomicBool>,
    sender: JoinHandle<Result<Vec<u64>>>,
    receiver: JoinHandle<Result<Vec<(usize, u64)>>>,
}

/// When a datagram was sent and when it came, in monotonic nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Datagram {
    pub(super) sent_ns: u64,
    pub(super) received_ns: Option<u64>,
}

/// How often the receiver looks whether it is over; also how long it waits for late ones.
const PATIENCE: Duration = Duration::from_millis(300);

impl Stream {
    /// Starts one that sends a datagram every `gap`.
    pub(super) fn start(pair: &Pair, port: u16, gap: Duration) -> Result<Self> {
        let far = pair
            .far
            .inside(|| UdpSocket::bind(Pair::far_port(port)))??;
        far.set_read_timeout(Some(PATIENCE))?;
        let near = pair.near.inside(|| UdpSocket::bind((Pair::NEAR, 0)))??;
        near.connect(Pair::far_port(port))?;
        let stop = Arc::new(AtomicBool::new(false));
        let (for_sender, for_receiver) = (Arc::clone(&stop), Arc::clone(&stop));
        Ok(Self {
            stop,
            receiver: std::thread::spawn(move || receive(&far, &for_receiver)),
            sender: std::thread::spawn(move || send(&near, gap, &for_sender)),
        })
    }

    /// Stops it and tells of each datagram, in the order in which they were sent.
    pub(super) fn finish(self) -> Result<Vec<Datagram>> {
        self.stop.store(true, Ordering::Relaxed);
        let panicked = |_panic| anyhow!("a thread of the stream panicked");
        let sent = self.sender.join().map_err(panicked)??;
        let received = self.receiver.join().map_err(panicked)??;
        let unreceived = |sent_ns| Datagram {
            sent_ns,
            received_ns: None,
        };
        let mut all: Vec<Datagram> = sent.into_iter().map(unreceived).collect();
        for (number, received_ns) in received {
            if let Some(datagram) = all.get_mut(number) {
                datagram.received_ns.get_or_insert(received_ns);
            }
        }
        Ok(all)
    }
}

impl Datagram {
    /// As something tried: it suffered if it was lost or took longer than `longest`.
    pub(super) fn attempt(self, longest: Duration) -> Attempt {
        let Self {
            sent_ns,
            received_ns,
        } = self;
        let in_time = received_ns.is_some_and(|received_ns| {
            Duration::from_nanos(received_ns.saturating_sub(sent_ns)) <= longest
        });
        Attempt {
            begun_ns: sent_ns,
            done_ns: received_ns,
            suffered_ns: (!in_time).then_some(sent_ns),
        }
    }
}

fn send(socket: &UdpSocket, gap: Duration, stop: &AtomicBool) -> Result<Vec<u64>> {
    schedule::urgent();
    let mut sent = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = u32::try_from(sent.len())?;
        sent.push(monotonic_ns());
        socket.send(&number.to_ne_bytes())?;
        poll::wait_readable([], gap)?;
    }
    Ok(sent)
}

fn receive(socket: &UdpSocket, stop: &AtomicBool) -> Result<Vec<(usize, u64)>> {
    schedule::urgent();
    let mut received = Vec::new();
    let mut bytes = [0; 4];
    loop {
        match socket.recv(&mut bytes) {
            Ok(_length) => {
                let number = usize::try_from(u32::from_ne_bytes(bytes))?;
                received.push((number, monotonic_ns()));
            }
            Err(silence) if silence.kind() == std::io::ErrorKind::WouldBlock => {
                if stop.load(Ordering::Relaxed) {
                    return Ok(received);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}
