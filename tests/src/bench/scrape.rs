//! How long a scrape of 10 000 series takes, from the request to the last byte, as a scraper has it.
//!
//! A real `temblor metrics --observe host`; its engine is a double that gives the same frame each time and
//! does nothing else, so reading the kernel's maps is not in it, while what the engine writes and `metrics`
//! reads is. A series is what Prometheus counts as one: a histogram of 32 different lengths is 29. The
//! second row is writing the text alone. There is no peer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use injector_core::telemetry::{Frame, Histogram, Series, Value, named};
use injector_user::client::SOCKET;
use injector_user::metrics::{Scraped, Seen};
use injector_user::protocol::{Answer, Call, EngineStatus, PROTOCOL, Request, Response};

use super::row::{Row, Rows};
use super::statistics::{median, percentile};
use super::suite::Effort;
use crate::engine::temblor_program;

const ROUNDS: usize = 200;
const SERIES: usize = 10_000;
const AIM_MS: f64 = 20.0;
/// Lengths that calls of one kind take.
const LENGTHS: u32 = 32;

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let frame = frame()?;
    let folder = tempfile::tempdir()?;
    serve(folder.path(), frame.clone())?;
    let (served, address) = metrics(folder.path())?;
    let (mut scrapes, mut written) = (Vec::new(), Vec::new());
    for number in 1..=effort.rounds(ROUNDS) {
        let begun = Instant::now();
        let text = scrape(&address)?;
        scrapes.push(milliseconds(begun));
        let observed = text
            .lines()
            .filter(|line| line.contains("{target="))
            .count()
            + text
                .lines()
                .filter(|line| line.contains(",target="))
                .count();
        ensure!(observed == SERIES, "{observed} series");
        let scraped = Scraped {
            seen: Seen::Frame(Box::new(frame.clone())),
            ..Scraped::default()
        };
        let begun = Instant::now();
        let text = scraped.text();
        written.push(milliseconds(begun));
        ensure!(text.lines().count() > SERIES, "too little was written");
        if number % 50 == 0 {
            effort.progress(&format!("round {number}"));
        }
    }
    drop(served);
    Ok(vec![
        row("a scrape of 10 000 series", &scrapes).at_most(AIM_MS),
        row("of these, to write the text", &written),
    ])
}

fn row(metric: &str, milliseconds: &[f64]) -> Row {
    let note = format!("median; p99 {:.1} ms", percentile(milliseconds, 0.99));
    Row::new(metric, "ms", median(milliseconds), milliseconds.len()).note(note)
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}

/// As many series as there are to be: for each call three counts and a histogram.
fn frame() -> Result<Frame> {
    let mut durations = Histogram::default();
    for length in 0..LENGTHS {
        durations.record(1 << (length % 32 + 3));
    }
    let mut frame = Frame::default();
    let mut put = |metric: &str, labels: &[&str], value: Value| -> Result<()> {
        let metric = named(metric).map_err(anyhow::Error::msg)?;
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let series = Series::of(metric, labels).context("a metric of the reference")?;
        frame.values.insert(series, value);
        Ok(())
    };
    for number in 0..SERIES / 32 {
        let call = number.to_string();
        let labels = ["cgroup:/system.slice/some-service.service", &call];
        put("syscalls", &labels, Value::Count(1_234_567))?;
        put("syscall_moved", &labels, Value::Count(1_234_567))?;
        put(
            "syscall_duration",
            &labels,
            Value::Durations(durations.clone()),
        )?;
        put(
            "syscall_errors",
            &[labels[0], labels[1], "EIO"],
            Value::Count(89),
        )?;
    }
    for number in 0..SERIES % 32 {
        put("execs", &[&format!("pid:{number}")], Value::Count(1))?;
    }
    Ok(frame)
}

/// Gives this frame to whoever asks.
fn serve(folder: &Path, frame: Frame) -> Result<()> {
    let listener = UnixListener::bind(folder.join(SOCKET))?;
    let frame = Arc::new(frame);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let frame = Arc::clone(&frame);
            // Who leaves is done.
            thread::spawn(move || converse(&stream, &frame));
        }
    });
    Ok(())
}

fn converse(stream: &UnixStream, frame: &Frame) -> Result<()> {
    let mut write = stream;
    for line in BufReader::new(stream).lines() {
        let Request { id, call } = serde_json::from_str(&line?)?;
        let answer = Ok(answer(&call, frame));
        write.write_all(&Response { id, answer }.line()?)?;
    }
    Ok(())
}

fn answer(call: &Call, frame: &Frame) -> Answer {
    match call {
        Call::Hello => Answer::Hello {
            version: "0".to_owned(),
            protocol: PROTOCOL,
            pid: 1,
            keeper: 2,
        },
        Call::Status => Answer::Status {
            engine: EngineStatus {
                version: "0".to_owned(),
                pid: 1,
                keeper: 2,
                attached: 0,
                observing: 0,
                lease_ms: 0,
                clients: 1,
                undo_entries: 0,
            },
            faults: Vec::new(),
        },
        Call::Frame => Answer::Frame {
            frame: Box::new(frame.clone()),
        },
        _ => Answer::Done,
    }
}

/// Killed with this value.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        // What has ended already is as good.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// The command, and where it serves.
fn metrics(folder: &Path) -> Result<(Served, String)> {
    let child = Command::new(temblor_program()?)
        .arg("--run-dir")
        .arg(folder)
        .args(["metrics", "--listen", "127.0.0.1:0", "--observe", "host"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("failed to start `temblor metrics`")?;
    let mut served = Served(child);
    let said = served.0.stderr.take().context("stderr is piped")?;
    let mut line = String::new();
    BufReader::new(said).read_line(&mut line)?;
    let address = line.trim().strip_prefix("serving http://");
    let address = address.and_then(|rest| rest.strip_suffix("/metrics"));
    let address = address.with_context(|| line.clone())?.to_owned();
    Ok((served, address))
}

fn scrape(address: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
