//! Numbered datagrams: which of them came back.

use std::collections::BTreeSet;
use std::io::{IoSliceMut, Read as _};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use anyhow::Result;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use temblor_tests::order::{Datagrams, Outcome};

use crate::family;

/// How many are under way at most: no queue on their way is shorter.
const BATCH: u32 = 100;

/// Silence after which the rest of a batch counts as lost; it only paces.
const PACE: Duration = Duration::from_millis(10);

/// Silence after which everything that has not come back counts as lost.
const SILENCE: Duration = Duration::from_millis(200);

pub(crate) fn send(order: &Datagrams) -> Result<Outcome> {
    let Datagrams {
        to,
        count,
        size,
        from_port,
    } = *order;
    let socket = UdpSocket::bind(family::any(to, from_port))?;
    // Whoever may not have that much gets what there is: it is enough for short exchanges.
    setsockopt(&socket, sockopt::RcvBufForce, &(8 << 20))
        .or_else(|_denied| setsockopt(&socket, sockopt::RcvBuf, &(8 << 20)))?;
    // What is dropped below is told to the sender, unless the drop is silent.
    match to {
        SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?,
        SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?,
    }
    let mut exchange = Exchange {
        socket,
        to,
        answered: BTreeSet::new(),
        errors: Vec::new(),
        again: 0,
    };
    for first in (0..count).step_by(BATCH as usize) {
        let end = count.min(first + BATCH);
        for number in first..end {
            exchange.send(number, size);
        }
        exchange.receive(end, PACE)?;
    }
    exchange.receive(count, SILENCE)?;
    exchange.repetitions()?;
    exchange.queued_errors();
    Ok(Outcome::Datagrams {
        answered: exchange.answered.into_iter().collect(),
        errors: exchange.errors,
        again: exchange.again,
    })
}

#[derive(Debug)]
struct Exchange {
    socket: UdpSocket,
    to: SocketAddr,
    answered: BTreeSet<u32>,
    errors: Vec<i32>,
    again: u32,
}

impl Exchange {
    fn send(&mut self, number: u32, size: usize) {
        let mut content = number.to_be_bytes().to_vec();
        content.resize(size.max(4), 0);
        if let Err(error) = self.socket.send_to(&content, self.to) {
            self.errors.extend(error.raw_os_error());
        }
    }

    /// Until all numbers below `end` are there, or nothing has come for so long.
    fn receive(&mut self, end: u32, silence: Duration) -> Result<()> {
        self.socket.set_read_timeout(Some(silence))?;
        let mut buffer = vec![0; 1 << 16];
        while u32::try_from(self.answered.len())? < end {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    let mut number = [0; 4];
                    (&buffer[..length]).read_exact(&mut number)?;
                    if !self.answered.insert(u32::from_be_bytes(number)) {
                        self.again += 1;
                    }
                }
                Err(error) => match error.raw_os_error().map(Errno::from_raw) {
                    Some(Errno::EAGAIN) => return Ok(()),
                    Some(errno) => self.errors.push(errno as i32),
                    None => return Err(error.into()),
                },
            }
        }
        Ok(())
    }

    /// Takes what comes once more, though everything has come.
    fn repetitions(&mut self) -> Result<()> {
        self.socket.set_read_timeout(Some(PACE))?;
        while self.socket.recv(&mut [0; 4]).is_ok() {
            self.again += 1;
        }
        Ok(())
    }

    /// Errors in the socket's error queue, which it keeps beside the datagrams.
    fn queued_errors(&mut self) {
        let mut buffer = [0; 64];
        let mut space = cmsg_space!([u8; 256]);
        loop {
            let mut parts = [IoSliceMut::new(&mut buffer)];
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let raw = self.socket.as_raw_fd();
            match recvmsg::<SockaddrStorage>(raw, &mut parts, Some(&mut space), flags) {
                Ok(_) => self.errors.push(Errno::EIO as i32),
                Err(_) => return,
            }
        }
    }
}
