//! Client A's latency over HTTP, as a monitoring system would offer it to an experiment.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use injector_user::clock::monotonic_ns;

use super::client::Lane;
use super::figures::took_ms;
use super::tape::{Span, Tape};

/// How far back the median looks.
const WINDOW_NS: u64 = 200_000_000;
/// A caller that says nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers every request with one number, the median in milliseconds; ends with this value.
#[derive(Debug)]
pub(super) struct Gauge {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Gauge {
    /// Serves on the host's loopback.
    pub(super) fn serve(tape: &Tape) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let over = Arc::new(AtomicBool::new(false));
        let (tape, stop) = (tape.clone(), Arc::clone(&over));
        let server = thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                // A caller that has gone does not need its answer.
                let _gone = answer(&stream, &tape);
            }
        });
        Ok(Self {
            address,
            over,
            server: Some(server),
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/client-a/median", self.address)
    }
}

impl Drop for Gauge {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the server, which then sees that it is over.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(server)) = (woken, self.server.take()) {
            drop(server.join());
        }
    }
}

fn answer(stream: &TcpStream, tape: &Tape) -> Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream).lines();
    // The request does not matter: there is one answer.
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let body = format!("{:.3}", median_ms(tape));
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(())
}

/// Over what ended lately: what is still under way is not known yet.
fn median_ms(tape: &Tape) -> f64 {
    let to_ns = monotonic_ns();
    let lately = Span {
        from_ns: to_ns.saturating_sub(WINDOW_NS),
        to_ns,
    };
    let mut times: Vec<f64> = tape
        .lane(Lane::Primary)
        .iter()
        .filter(|it| lately.contains(it.end_ns()))
        .map(took_ms)
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(0.0)
}
