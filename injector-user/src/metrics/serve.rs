//! A server for one page, on loopback: what a scraper needs of HTTP, and nothing else.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::exposition::{CONTENT_TYPE, exposition};
use crate::client;
use crate::protocol::{Answer, Call};

/// How long a scraper may take for its request, and the engine for its answer.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_REQUEST: usize = 8 * 1024;
const PLAIN: &str = "text/plain; charset=utf-8";

/// Takes the address, so that a fault that is armed later finds it free.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers scrapers with the state of the engine of `run_dir`, until it is dropped.
pub async fn serve(listener: TcpListener, run_dir: PathBuf) -> ! {
    loop {
        // Out of descriptors, or a scraper that left early: the next one may fare better.
        if let Ok((stream, _address)) = listener.accept().await {
            let run_dir = run_dir.clone();
            tokio::spawn(async move {
                let _too_slow = timeout(PATIENCE * 2, answer(stream, &run_dir)).await;
            });
        } else {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The state of the engine as text; that none answers is a state too.
pub async fn scrape(run_dir: &Path) -> String {
    let ask = async {
        let client = client::connect(run_dir).await.ok()?;
        client.call(Call::Status).await.ok()
    };
    match timeout(PATIENCE, ask).await {
        Ok(Some(Answer::Status { engine, faults })) => exposition(Some((&engine, &faults))),
        _ => exposition(None),
    }
}

async fn answer(mut stream: TcpStream, run_dir: &Path) -> io::Result<()> {
    let request = read_head(&mut stream).await?;
    let mut words = request.split(' ');
    let response = match (words.next(), words.next()) {
        (Some("GET"), Some("/metrics")) => page("200 OK", CONTENT_TYPE, &scrape(run_dir).await),
        (Some("GET"), Some("/")) => page("200 OK", PLAIN, "metrics are at /metrics\n"),
        (Some("GET"), Some(_)) => page("404 Not Found", PLAIN, "metrics are at /metrics\n"),
        (Some(_), Some(_)) => page("405 Method Not Allowed", PLAIN, "only GET\n"),
        _ => page("400 Bad Request", PLAIN, "not HTTP\n"),
    };
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// The first line of the request, once all its headers are there.
async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read_buf(&mut bytes).await?;
        if read == 0 || bytes.len() > MAX_REQUEST {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn page(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
}
