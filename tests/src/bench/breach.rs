//! How long a fault outlives the breach that its circuit breaker watches for.
//!
//! `temblor run` runs an experiment whose fault loses every datagram of a stream, with a breaker that
//! asks an HTTP server of ours every 50 ms and opens at the first bad answer. Once the fault acts the
//! server begins to answer 500: that is the breach. Reported is when the last datagram that was lost
//! left its sender after that, which includes the wait for the next question; beside it what the
//! experiment's own report says of the time from the bad sample to all detached. There is no peer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use injector_user::clock::monotonic_ns;
use serde_json::{Value, json};

use super::arming::{await_cold_effect, end_engine};
use super::attempt::{Aftermath, Attempt};
use super::pair::Pair;
use super::row::{Row, Rows};
use super::scene::GAP;
use super::statistics::{median, percentile};
use super::stream::Stream;
use super::suite::Effort;
use crate::engine::temblor_program;

const ROUNDS: usize = 30;
const PORT: u16 = 7_006;
/// Exit code of an experiment that a breaker ended.
const TRIPPED: i32 = 4;
/// A datagram on its way for longer is lost.
const LOST: Duration = Duration::from_secs(1);

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let pair = Pair::make()?;
    let server = Server::start()?;
    let (mut ends, mut told) = (Vec::new(), Vec::new());
    let rounds = effort.rounds(ROUNDS);
    for number in 1..=rounds {
        let (end, report) = round(&pair, &server)?;
        ends.push(end);
        told.extend(report);
        if number % 5 == 0 {
            effort.progress(&format!("round {number} of {rounds}"));
        }
    }
    let row = Row::new(
        "breach to last effect, probe every 50 ms, p99",
        "ms",
        percentile(&ends, 0.99),
        rounds,
    );
    let note = format!(
        "median {:.1} ms; from the bad sample to all detached, by the report: median {:.0}, longest {:.0} ms",
        median(&ends),
        median(&told),
        percentile(&told, 1.0)
    );
    Ok(vec![row.at_most(100.0).note(note)])
}

/// Milliseconds to the last effect, and what the report says.
fn round(pair: &Pair, server: &Server) -> Result<(f64, Option<f64>)> {
    server.good.store(true, Ordering::Relaxed);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("experiment.json");
    std::fs::write(&file, experiment(pair, server.port).to_string())?;
    let stream = Stream::start(pair, PORT, GAP)?;
    let mut command = Command::new(temblor_program()?)
        .arg("--run-dir")
        .arg(folder.path())
        .arg("run")
        .arg(&file)
        .arg("--out")
        .arg(folder.path().join("report"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let acted = await_cold_effect(folder.path());
    let breach_ns = monotonic_ns();
    server.good.store(false, Ordering::Relaxed);
    let status = command.wait()?;
    let datagrams = stream.finish()?.into_iter();
    end_engine(folder.path())?;
    acted?;
    ensure!(status.code() == Some(TRIPPED), "the experiment: {status}");
    let attempts: Vec<Attempt> = datagrams.map(|one| one.attempt(LOST)).collect();
    let aftermath = Aftermath::of(&attempts, breach_ns).context("the fault did not end")?;
    Ok((aftermath.last_effect / 1e3, breach_to_clean(folder.path())))
}

fn breach_to_clean(folder: &Path) -> Option<f64> {
    let text = std::fs::read(folder.join("report/report.json")).ok()?;
    let report: Value = serde_json::from_slice(&text).ok()?;
    let breach = report.get("breach")?;
    let time = |name: &str| breach.get(name)?.as_f64();
    Some(time("clean_ms")? - time("at_ms")?)
}

fn experiment(pair: &Pair, port: u16) -> Value {
    json!({
        "version": "1.0.0",
        "title": "breach",
        "description": "a benchmark",
        "method": [{
            "type": "action",
            "name": "loss",
            "provider": {
                "type": "temblor",
                "fault": "net.loss",
                "target": pair.target(),
                "duration": "20s",
                "wait": true,
            },
        }],
        "rollbacks": [],
        "x-temblor": { "breakers": [{
            "name": "answers",
            "interval": "50ms",
            "timeout": "1s",
            "consecutive": 1,
            "probe": {
                "type": "probe",
                "name": "answers",
                "tolerance": 200,
                "provider": {
                    "type": "http",
                    "url": format!("http://127.0.0.1:{port}/"),
                    "timeout": 1,
                },
            },
        }]},
    })
}

/// Answers every HTTP request with 200 or 500.
struct Server {
    port: u16,
    good: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Server {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (good, over) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let (say_good, is_over) = (Arc::clone(&good), Arc::clone(&over));
        let serve = move || {
            for stream in listener.incoming() {
                if AtomicBool::load(&is_over, Ordering::Relaxed) {
                    return Ok(());
                }
                // A client that has gone is no matter.
                let _gone = answer(stream?, &say_good);
            }
            Ok(())
        };
        Ok(Self {
            port,
            good,
            over,
            thread: Some(std::thread::spawn(serve)),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it.
        let woken = TcpStream::connect(("127.0.0.1", self.port));
        let ended = self.thread.take().map(JoinHandle::join);
        let ended = ended.unwrap_or(Ok(Err(anyhow!("it has ended"))));
        assert!(
            std::thread::panicking() || matches!(ended, Ok(Ok(()))),
            "{ended:?} {woken:?}"
        );
    }
}

fn answer(stream: TcpStream, good: &AtomicBool) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let status = if good.load(Ordering::Relaxed) {
        "200 OK"
    } else {
        "500 Internal Server Error"
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.get_mut().write_all(head.as_bytes())
}
