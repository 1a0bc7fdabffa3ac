//! Much content over TCP, there and back.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;

use anyhow::{Result, anyhow};
use temblor_tests::order::Outcome;

pub(crate) fn bulk(to: SocketAddr, bytes: usize) -> Result<Outcome> {
    let mut stream = TcpStream::connect(to)?;
    let sent: Vec<u8> = noise().take(bytes).collect();
    let mut received = Vec::with_capacity(bytes);
    thread::scope(|scope| {
        let mut writing = stream.try_clone()?;
        let content = &sent;
        let writer = scope.spawn(move || -> Result<()> {
            writing.write_all(content)?;
            Ok(writing.shutdown(Shutdown::Write)?)
        });
        stream.read_to_end(&mut received)?;
        writer
            .join()
            .map_err(|_panic| anyhow!("the writer panicked"))?
    })?;
    Ok(Outcome::Bulk {
        same: sent == received,
    })
}

/// Bytes that do not repeat soon, so that exchanged or repeated segments show.
fn noise() -> impl Iterator<Item = u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    })
}
