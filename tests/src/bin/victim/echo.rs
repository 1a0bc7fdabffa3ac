//! Servers: they answer for as long as the process lives.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use anyhow::Result;
use nix::sys::socket::{setsockopt, sockopt};
use temblor_tests::order::Outcome;

/// Room for the datagrams of a whole test.
const ROOM: usize = 8 << 20;

pub(crate) fn udp(at: SocketAddr) -> Result<Outcome> {
    let socket = UdpSocket::bind(at)?;
    setsockopt(&socket, sockopt::RcvBufForce, &ROOM)?;
    let at = socket.local_addr()?;
    #[expect(clippy::infinite_loop, reason = "it ends with the process")]
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        // Nothing but the end of the process ends it: errors belong to answers that nobody took.
        loop {
            answer(&socket, &mut buffer);
        }
    });
    Ok(Outcome::Listening { at })
}

fn answer(socket: &UdpSocket, buffer: &mut [u8]) {
    if let Ok((length, from)) = socket.recv_from(buffer) {
        let content = buffer.get(..length).unwrap_or_default();
        drop(socket.send_to(content, from));
    }
}

pub(crate) fn tcp(at: SocketAddr) -> Result<Outcome> {
    let listener = TcpListener::bind(at)?;
    let at = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || echo(stream));
        }
    });
    Ok(Outcome::Listening { at })
}

/// Until the other side closes or the connection breaks.
fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length])?;
    }
}
