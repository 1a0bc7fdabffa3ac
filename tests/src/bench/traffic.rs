//! As many datagrams, or bytes over one TCP connection, as will go from the near to the far side.

use std::io::{IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg, setsockopt, sockopt};

use super::pair::Pair;
use super::statistics::float;

/// Datagrams of one system call.
const BATCH: usize = 32;
/// Enough for everything that can be on its way.
const RECEIVE_BUFFER: usize = 128 << 20;
/// After so long without a sign everything on its way is lost.
const SILENCE: Duration = Duration::from_millis(50);
/// How often the receiver looks whether it is over.
const LOOK: Duration = Duration::from_millis(20);

/// How many datagrams may be on their way at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window(pub(super) usize);

impl Window {
    /// For paths that lose: nobody waits for what may never come.
    pub(super) const LOSSY: Self = Self(usize::MAX);
}

/// A sender with a receiver that counts.
#[derive(Debug)]
pub(super) struct Datagrams {
    sender: UdpSocket,
    payload: Vec<u8>,
    received: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    receiver: Option<JoinHandle<Result<()>>>,
}

impl Datagrams {
    pub(super) fn open(pair: &Pair, port: u16, size: usize) -> Result<Self> {
        let far = pair
            .far
            .inside(|| UdpSocket::bind(Pair::far_port(port)))??;
        setsockopt(&far, sockopt::RcvBufForce, &RECEIVE_BUFFER)?;
        far.set_read_timeout(Some(LOOK))?;
        let sender = pair.near.inside(|| UdpSocket::bind((Pair::NEAR, 0)))??;
        sender.connect(Pair::far_port(port))?;
        let (received, stop) = (Arc::default(), Arc::default());
        let (count, over) = (Arc::clone(&received), Arc::clone(&stop));
        Ok(Self {
            sender,
            payload: vec![0; size],
            received,
            stop,
            receiver: Some(thread::spawn(move || count_datagrams(&far, &count, &over))),
        })
    }

    /// Sends so many and tells how many of them came.
    pub(super) fn send_counted(&mut self, count: usize, window: Window) -> Result<usize> {
        let before = self.received.load(Ordering::Relaxed);
        self.send(window, |sent| count - sent)?;
        self.settle();
        Ok(self.received.load(Ordering::Relaxed) - before)
    }

    /// Sends for so long and tells how many came in a second.
    pub(super) fn send_for(&mut self, duration: Duration, window: Window) -> Result<f64> {
        let (before, begun) = (self.received.load(Ordering::Relaxed), Instant::now());
        self.send(
            window,
            |_sent| {
                if begun.elapsed() < duration { BATCH } else { 0 }
            },
        )?;
        let came = self.received.load(Ordering::Relaxed) - before;
        let rate = float(came) / begun.elapsed().as_secs_f64();
        self.settle();
        Ok(rate)
    }

    /// Sends until `left`, which is told how many have been sent, has none left.
    fn send(&self, window: Window, left: impl Fn(usize) -> usize) -> Result<()> {
        let before = self.received.load(Ordering::Relaxed);
        let slices = [[IoSlice::new(&self.payload)]; BATCH];
        let mut headers = MultiHeaders::<()>::preallocate(BATCH, None);
        let (mut sent, mut given_up, mut seen) = (0, 0, (0, Instant::now()));
        loop {
            let batch = left(sent).min(BATCH);
            if batch == 0 {
                return Ok(());
            }
            let received = self.received.load(Ordering::Relaxed) - before;
            if received != seen.0 {
                seen = (received, Instant::now());
            }
            if sent - given_up.min(sent) + batch > received.saturating_add(window.0) {
                if seen.1.elapsed() > SILENCE {
                    given_up = sent - received;
                }
                thread::yield_now();
                continue;
            }
            let (fd, slices) = (self.sender.as_raw_fd(), slices.iter().take(batch));
            let none = [None; BATCH];
            match sendmmsg(fd, &mut headers, slices, none, [], MsgFlags::empty()) {
                Ok(results) => sent += results.count(),
                Err(Errno::ENOBUFS) => thread::yield_now(),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Waits until nothing comes any more.
    fn settle(&self) {
        let mut last = (self.received.load(Ordering::Relaxed), Instant::now());
        while last.1.elapsed() < SILENCE {
            let received = self.received.load(Ordering::Relaxed);
            if received != last.0 {
                last = (received, Instant::now());
            }
            thread::yield_now();
        }
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.receiver.take().map(JoinHandle::join);
        assert!(
            thread::panicking() || matches!(ended, Some(Ok(Ok(())))),
            "{ended:?}"
        );
    }
}

fn count_datagrams(socket: &UdpSocket, count: &AtomicUsize, over: &AtomicBool) -> Result<()> {
    let mut buffers = vec![[0_u8; 2_048]; BATCH];
    let mut headers = MultiHeaders::<()>::preallocate(BATCH, None);
    while !over.load(Ordering::Relaxed) {
        let mut slices: Vec<_> = buffers
            .iter_mut()
            .map(|buffer| [IoSliceMut::new(buffer)])
            .collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        match recvmmsg(socket.as_raw_fd(), &mut headers, &mut slices, flags, None) {
            Ok(results) => {
                count.fetch_add(results.count(), Ordering::Relaxed);
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Bytes a second over one TCP connection, after `warm_up`.
pub(super) fn bulk(pair: &Pair, port: u16, warm_up: Duration, duration: Duration) -> Result<f64> {
    let listener = pair
        .far
        .inside(|| TcpListener::bind(Pair::far_port(port)))??;
    let (received, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let reader = scope.spawn(|| drain(&listener, &received));
        let writer = scope.spawn(|| fill(pair, port, &stop));
        let rate = (|| {
            wait(warm_up)?;
            let (before, begun) = (received.load(Ordering::Relaxed), Instant::now());
            wait(duration)?;
            let came = received.load(Ordering::Relaxed) - before;
            Ok(float(came) / begun.elapsed().as_secs_f64())
        })();
        stop.store(true, Ordering::Relaxed);
        let panicked = |_panic| anyhow!("a thread of the transfer panicked");
        writer.join().map_err(panicked)??;
        reader.join().map_err(panicked)??;
        rate
    })
}

fn wait(duration: Duration) -> Result<()> {
    injector_user::sys::poll::wait_readable([], duration)?;
    Ok(())
}

fn fill(pair: &Pair, port: u16, stop: &AtomicBool) -> Result<()> {
    let connect = || TcpStream::connect(Pair::far_port(port));
    let mut stream = pair.near.inside(connect)??;
    let bytes = vec![0; 128 << 10];
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(&bytes)?;
    }
    Ok(())
}

fn drain(listener: &TcpListener, received: &AtomicUsize) -> Result<()> {
    let (mut stream, _peer) = listener.accept()?;
    let mut bytes = vec![0; 128 << 10];
    loop {
        match stream.read(&mut bytes)? {
            0 => return Ok(()),
            length => received.fetch_add(length, Ordering::Relaxed),
        };
    }
}
