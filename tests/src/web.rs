//! A web server that answers as a test says, and remembers what it was asked.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What the server does about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Answers with a status line's end such as `200 OK`, headers, and a body.
    Answer(&'static str, Vec<(&'static str, String)>, Vec<u8>),
    /// Keeps the connection and says nothing, until the client has gone.
    Hang,
    /// Closes the connection without an answer.
    Close,
}

impl Reaction {
    /// An answer with a body and no headers of its own.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Answer("200 OK", Vec::new(), body.into())
    }

    /// An answer with nothing but a status.
    pub fn status(status: &'static str) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }
}

/// A server until the test ends.
#[derive(Clone, Debug)]
pub struct Web {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Web {
    /// Listens on loopback.
    pub fn serve(react: impl FnMut(&Asked) -> Reaction + Send + 'static) -> io::Result<Self> {
        Self::on(TcpListener::bind("127.0.0.1:0")?, react)
    }

    /// Answers whoever comes to `listener`, one after the other.
    pub fn on(
        listener: TcpListener,
        mut react: impl FnMut(&Asked) -> Reaction + Send + 'static,
    ) -> io::Result<Self> {
        let web = Self {
            address: listener.local_addr()?,
            asked: Arc::default(),
        };
        let asked = Arc::clone(&web.asked);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // Who leaves early learns it; the next one is answered.
                let _gone = converse(stream, &asked, &mut react);
            }
        });
        Ok(web)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn converse(
    stream: TcpStream,
    asked: &Mutex<Vec<Asked>>,
    react: &mut impl FnMut(&Asked) -> Reaction,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let request = read(&mut stream)?;
    let reaction = react(&request);
    asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(request);
    match reaction {
        Reaction::Close => Ok(()),
        Reaction::Hang => {
            // Others are answered meanwhile.
            thread::spawn(move || stream.read(&mut [0]));
            Ok(())
        }
        Reaction::Answer(status, headers, body) => {
            let stream = stream.get_mut();
            write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n")?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n")?;
            }
            write!(stream, "Content-Length: {}\r\n\r\n", body.len())?;
            stream.write_all(&body)
        }
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Asked> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let mut words = head.first().map_or("", String::as_str).split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, path) = (word(), word());
    let headers = head.iter().skip(1).filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, String> = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length");
    let length = length.and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    stream.read_exact(&mut body)?;
    Ok(Asked {
        method,
        path,
        headers,
        body,
    })
}
