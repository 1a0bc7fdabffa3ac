//! Numbered datagrams one way, from one namespace to another, and what became of each.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use nix::sys::socket::{setsockopt, sockopt};

use crate::netns::Netns;

/// A socket at each end.
#[derive(Debug)]
pub struct Flow {
    sender: UdpSocket,
    receiver: UdpSocket,
    to: SocketAddr,
}

/// A datagram that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub number: u32,
    /// How many of its bits are not as they were sent.
    pub flipped: u32,
}

/// Under way at most: no queue on the way is shorter.
const BATCH: u32 = 64;

/// Silence after which the rest counts as lost, a line's latency on top.
const SILENCE: Duration = Duration::from_millis(300);

/// A number is sent three times over: one flipped bit does not make another of it.
const COPIES: usize = 3;

impl Flow {
    /// Both sockets; `address` is one of the receiver's.
    pub fn open(from: &Netns, to: &Netns, address: IpAddr) -> Result<Self> {
        let receiver = to.inside(|| UdpSocket::bind((address, 0)))??;
        setsockopt(&receiver, sockopt::RcvBufForce, &(32 << 20))?;
        let at = receiver.local_addr()?;
        let any: IpAddr = if address.is_ipv4() {
            [0, 0, 0, 0].into()
        } else {
            [0_u16; 8].into()
        };
        let sender = from.inside(|| UdpSocket::bind((any, 0)))??;
        sender.connect(at)?;
        Ok(Self {
            sender,
            receiver,
            to: at,
        })
    }

    /// Where it goes.
    pub fn port(&self) -> u16 {
        self.to.port()
    }

    /// Sends `count` datagrams of `size` bytes; what arrived, in the order in which it did.
    pub fn send(&self, count: u32, size: usize) -> Result<Vec<Arrival>> {
        ensure!(size >= COPIES * 4, "room for the number");
        let mut arrivals = Vec::new();
        for number in 0..count {
            self.sender.send(&content(number, size))?;
            if number % BATCH == BATCH - 1 {
                self.take(size, Duration::ZERO, &mut arrivals)?;
            }
        }
        self.take(size, SILENCE, &mut arrivals)?;
        Ok(arrivals)
    }

    /// Sends two with these numbers, and waits no longer than until both have arrived; an error if another
    /// one does, such as one that comes twice.
    pub fn send_pair(&self, numbers: [u32; 2], size: usize) -> Result<Vec<Arrival>> {
        for number in numbers {
            self.sender.send(&content(number, size))?;
        }
        let mut arrivals = Vec::new();
        self.receiver.set_nonblocking(false)?;
        self.receiver.set_read_timeout(Some(SILENCE))?;
        let mut buffer = vec![0; size + 1];
        while arrivals.len() < 2 {
            match self.receiver.recv(&mut buffer) {
                Ok(length) => {
                    ensure!(length == size, "{length} bytes arrived");
                    let arrival = arrival(&buffer[..length]);
                    let is_new = arrivals
                        .iter()
                        .all(|one: &Arrival| one.number != arrival.number);
                    ensure!(is_new && numbers.contains(&arrival.number), "{arrival:?}");
                    arrivals.push(arrival);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(arrivals)
    }

    /// Takes what is there, until it has been silent for so long.
    fn take(&self, size: usize, silence: Duration, arrivals: &mut Vec<Arrival>) -> Result<()> {
        let mut buffer = vec![0; size + 1];
        let mut last = Instant::now();
        self.receiver.set_nonblocking(silence.is_zero())?;
        if !silence.is_zero() {
            self.receiver.set_read_timeout(Some(silence))?;
        }
        loop {
            match self.receiver.recv(&mut buffer) {
                Ok(length) => {
                    ensure!(length == size, "{length} bytes arrived");
                    arrivals.push(arrival(&buffer[..length]));
                    last = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if last.elapsed() >= silence {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The number, and after it what follows from it.
fn content(number: u32, size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = std::iter::repeat_n(number.to_be_bytes(), COPIES)
        .flatten()
        .collect();
    let [.., low] = number.to_be_bytes();
    let pattern = (0..=u8::MAX)
        .cycle()
        .map(|at| at.wrapping_mul(31).wrapping_add(low));
    bytes.extend(pattern.take(size - bytes.len()));
    bytes
}

fn arrival(bytes: &[u8]) -> Arrival {
    let copy = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|byte| bytes[at * 4 + byte]));
    // Two of three: bit by bit.
    let (a, b, c) = (copy(0), copy(1), copy(2));
    let number = a & b | a & c | b & c;
    let sent = content(number, bytes.len());
    let flipped = sent.iter().zip(bytes).map(|(a, b)| (a ^ b).count_ones());
    Arrival {
        number,
        flipped: flipped.sum(),
    }
}
