//! Trial of resetting open connections.

use std::io::{ErrorKind, Read as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use super::obstacle::{Obstacle, not_seen, prepare};
use super::subject::PATIENCE;
use crate::target;

/// A connection of the trial's namespace, where nobody else is, is reset; another is not.
pub(super) fn reset() -> Result<(), Obstacle> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(prepare("listen"))?;
    let address = listener.local_addr().map_err(prepare("listen"))?;
    let connect = || TcpStream::connect(address).map_err(prepare("connect"));
    let (mut named, mut other) = (connect()?, connect()?);
    let port = named.local_addr().map_err(prepare("connect"))?.port();
    let open = target::open_connections()
        .map_err(|error| prepare("list connections")(std::io::Error::other(error)))?;
    let mut found = open.iter().filter(|one| one.local.port() == port);
    let Some(connection) = found.next() else {
        return not_seen("the kernel did not list an open connection");
    };
    target::reset(connection).map_err(Obstacle::Reset)?;
    let ended = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.read(&mut [0])
    };
    match ended(&mut named) {
        Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
        other => return not_seen(format!("reading from it gave {other:?}")),
    }
    other.set_nonblocking(true).map_err(prepare("connect"))?;
    match other.read(&mut [0]) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        read => not_seen(format!("reading from another connection gave {read:?}")),
    }
}
