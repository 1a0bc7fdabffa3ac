//! A connection that is never silent.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::Result;
use nix::poll::{PollTimeout, poll};

/// A thread that asks and is answered 100 times a second, until its connection breaks.
#[derive(Debug)]
pub(crate) struct Chat {
    own_address: SocketAddr,
    exchanges: Arc<AtomicU64>,
}

impl Chat {
    pub(crate) fn start(to: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        let own_address = stream.local_addr()?;
        let exchanges = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&exchanges);
        thread::spawn(move || -> Result<()> {
            loop {
                stream.write_all(b"?")?;
                stream.read_exact(&mut [0])?;
                counted.fetch_add(1, Ordering::Relaxed);
                poll(&mut [], PollTimeout::from(10_u8))?;
            }
        });
        Ok(Self {
            own_address,
            exchanges,
        })
    }

    pub(crate) fn own_address(&self) -> SocketAddr {
        self.own_address
    }

    pub(crate) fn exchanges(&self) -> u64 {
        self.exchanges.load(Ordering::Relaxed)
    }
}
