//! A server for one page, on loopback: what a scraper needs of HTTP, and nothing else.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::exposition::{Scraped, Seen};
use super::logged::{Lines, Logged};
use super::observation::Observation;
use super::plain::plain;
use crate::client;
use crate::protocol::{Answer, Call, EngineStatus, FaultReport};

/// How long a scraper may take for its request, and the engine for its answer.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_REQUEST: usize = 8 * 1024;
const TEXT: &str = "text/plain; charset=utf-8";

/// Of what [`Scraped::text`] returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Of what [`plain`] makes of it.
pub const PLAIN_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whom to ask at each scrape.
#[derive(Clone, Debug)]
pub struct Source {
    run_dir: PathBuf,
    observation: Option<Observation>,
    logged: Option<Logged>,
}

impl Source {
    /// The engine of `run_dir`, if one runs, and what is observed.
    pub fn new(run_dir: &Path, observation: Option<Observation>) -> Self {
        Self {
            run_dir: run_dir.to_owned(),
            observation,
            logged: None,
        }
    }

    /// Also what is logged.
    #[must_use]
    pub fn with_logs(self, logged: Option<Logged>) -> Self {
        Self { logged, ..self }
    }

    /// What is known now; that no engine answers is worth knowing, too.
    pub async fn scrape(&self) -> Scraped {
        let (status, seen, logged) = tokio::join!(self.status(), self.seen(), self.logged());
        Scraped {
            status,
            seen,
            logged,
        }
    }

    async fn status(&self) -> Option<(EngineStatus, Vec<FaultReport>)> {
        let ask = async {
            let client = client::connect(&self.run_dir).await.ok()?;
            client.call(Call::Status).await.ok()
        };
        match timeout(PATIENCE, ask).await {
            Ok(Some(Answer::Status { engine, faults })) => Some((engine, faults)),
            _ => None,
        }
    }

    async fn logged(&self) -> Vec<Lines> {
        match &self.logged {
            Some(logged) => logged.lines().await,
            None => Vec::new(),
        }
    }

    async fn seen(&self) -> Seen {
        let Some(observation) = &self.observation else {
            return Seen::Nothing;
        };
        match timeout(PATIENCE, observation.frame()).await {
            Ok(Ok(frame)) => Seen::Frame(frame),
            _ => Seen::Missing,
        }
    }
}

/// Takes the address, so that a fault that is armed later finds it free.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers scrapers with what is known then, until it is dropped.
pub async fn serve(listener: TcpListener, source: Source) -> ! {
    loop {
        // Out of descriptors, or a scraper that left early: the next one may fare better.
        if let Ok((stream, _address)) = listener.accept().await {
            let source = source.clone();
            tokio::spawn(async move {
                let _too_slow = timeout(PATIENCE * 2, answer(stream, &source)).await;
            });
        } else {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn answer(mut stream: TcpStream, source: &Source) -> io::Result<()> {
    let head = read_head(&mut stream).await?;
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let response = match (words.next(), words.next()) {
        (Some("GET"), Some("/metrics")) => metrics(&head, source.scrape().await),
        (Some("GET"), Some("/")) => page("200 OK", TEXT, "metrics are at /metrics\n"),
        (Some("GET"), Some(_)) => page("404 Not Found", TEXT, "metrics are at /metrics\n"),
        (Some(_), Some(_)) => page("405 Method Not Allowed", TEXT, "only GET\n"),
        _ => page("400 Bad Request", TEXT, "not HTTP\n"),
    };
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// In the format that the scraper accepts; in ours if it has not said.
fn metrics(head: &str, scraped: Scraped) -> String {
    let text = scraped.text();
    let is_accept = |line: &&str| line.to_ascii_lowercase().starts_with("accept:");
    let accepted = head.lines().find(is_accept).unwrap_or_default();
    if accepted.contains("text/plain") && !accepted.contains("application/openmetrics-text") {
        page("200 OK", PLAIN_TYPE, &plain(&text))
    } else {
        page("200 OK", CONTENT_TYPE, &text)
    }
}

/// The request with all its headers, as far as they are not too long.
async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read_buf(&mut bytes).await?;
        if read == 0 || bytes.len() > MAX_REQUEST {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn page(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}
