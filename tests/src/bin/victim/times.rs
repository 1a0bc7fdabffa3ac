//! Round trips, one after the other.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Result;
use temblor_tests::order::{Outcome, Times};

use crate::family;

pub(crate) fn udp(order: &Times) -> Result<Outcome> {
    let socket = UdpSocket::bind(family::any(order.to, 0))?;
    socket.connect(order.to)?;
    socket.set_read_timeout(Some(Duration::from_millis(order.patience_ms)))?;
    let mut microseconds = Vec::new();
    for number in 0..order.count {
        let begun = Instant::now();
        socket.send(&number.to_be_bytes())?;
        microseconds.push(await_datagram(&socket, number)?.then(|| elapsed(begun)));
    }
    Ok(Outcome::Times { microseconds })
}

/// Whether this number comes back in time; later ones than those that were given up are skipped.
fn await_datagram(socket: &UdpSocket, number: u32) -> Result<bool> {
    loop {
        let mut answer = [0; 4];
        match socket.recv(&mut answer) {
            Ok(_) if u32::from_be_bytes(answer) == number => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}

pub(crate) fn tcp(order: &Times) -> Result<Outcome> {
    let mut stream = TcpStream::connect(order.to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_millis(order.patience_ms)))?;
    let mut microseconds = Vec::new();
    for _ in 0..order.count {
        let begun = Instant::now();
        stream.write_all(b"?")?;
        let answered = stream.read_exact(&mut [0]).is_ok();
        microseconds.push(answered.then(|| elapsed(begun)));
        if !answered {
            break;
        }
    }
    Ok(Outcome::Times { microseconds })
}

fn elapsed(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
}
