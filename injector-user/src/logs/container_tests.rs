//! Against a few lines of Docker's API.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::container::Output;
use super::feed::{Event, Feed, What};
use super::tests::DEADLINE;

/// What is asked for, and what is answered: status, body, and whether more of it may come.
type Answer = (&'static str, Vec<u8>, bool);

/// A runtime that answers each request with the next answer.
struct Runtime {
    folder: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Runtime {
    fn start(answers: Vec<Answer>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&asked);
        thread::spawn(move || {
            // Those that more may come of stay open.
            let mut open = Vec::new();
            for (answer, stream) in answers.into_iter().zip(listener.incoming()) {
                let mut stream = stream.unwrap();
                heard.lock().unwrap().push(request(&stream));
                let (status, body, is_open) = answer;
                let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
                stream
                    .write_all(&[head.as_bytes(), &body].concat())
                    .unwrap();
                open.extend(is_open.then_some(stream));
            }
            listener.incoming().for_each(drop);
        });
        Self { folder, asked }
    }

    fn sockets(&self) -> Vec<String> {
        let ours = self.folder.path().join("docker.sock");
        vec!["/no/such.sock".to_owned(), ours.display().to_string()]
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Its first line, without method and version; the rest is read too.
fn request(stream: &UnixStream) -> String {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.find(String::is_empty);
    first.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn state(is_running: bool, has_terminal: bool) -> Answer {
    let state = serde_json::json!({
        "State": { "Running": is_running }, "Config": { "Tty": has_terminal },
    });
    ("200 OK", state.to_string().into_bytes(), false)
}

fn frame(kind: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[kind, 0, 0, 0], &length[..], text.as_bytes()].concat()
}

/// Everything a container is heard to say, until so much has been said, then to its end.
async fn said(output: Output, count: usize) -> Vec<String> {
    let (events, mut told) = mpsc::channel::<Event>(8);
    let (stopper, stop) = watch::channel(false);
    let feed = Feed::new(0, events, stop);
    let stream = output.open().await.unwrap();
    let following = tokio::spawn(output.follow(stream, feed));
    let mut all = Vec::new();
    loop {
        if all.len() == count {
            stopper.send_replace(true);
        }
        let event = timeout(DEADLINE, told.recv()).await.unwrap();
        match event.map(|event| event.what) {
            Some(What::Line { line, .. }) => all.push(line.text),
            Some(other) => all.push(format!("{other:?}")),
            None => break,
        }
    }
    following.await.unwrap();
    all
}

const ID: &str = "668c88cb52ca";

#[tokio::test]
async fn both_streams_of_a_container_are_read_wherever_frames_are_torn() {
    let body = [
        frame(1, "INFO o"),
        frame(2, "it broke\n"),
        frame(1, "ne\ntwo\nlast"),
    ]
    .concat();
    let runtime = Runtime::start(vec![state(true, false), ("200 OK", body, true)]);
    let output = Output::find(runtime.sockets(), ID).await.unwrap();
    let said = said(output, 3).await;
    assert_eq!(said, ["it broke", "INFO one", "two", "last"]);
    let logs = format!("/containers/{ID}/logs?follow=1&stdout=1&stderr=1&tail=0");
    assert_eq!(runtime.asked(), [format!("/containers/{ID}/json"), logs]);
}

#[tokio::test]
async fn a_container_with_a_terminal_has_no_frames() {
    let body = b"one\r\ntwo\r\n".to_vec();
    let runtime = Runtime::start(vec![state(true, true), ("200 OK", body, true)]);
    let output = Output::find(runtime.sockets(), ID).await.unwrap();
    assert_eq!(said(output, 2).await, ["one\r", "two\r"]);
}

#[tokio::test]
async fn a_container_that_is_started_again_is_read_on_from_where_it_ended() {
    let runtime = Runtime::start(vec![
        state(true, false),
        ("200 OK", frame(1, "before\n"), false),
        state(false, false),
        state(true, false),
        ("200 OK", frame(1, "after\n"), true),
    ]);
    let output = Output::find(runtime.sockets(), ID).await.unwrap();
    assert_eq!(said(output, 3).await, ["before", "Resumed", "after"]);
    let asked = runtime.asked();
    assert!(asked[4].contains("&tail=all&since=1"), "{asked:?}");
}

#[tokio::test]
async fn a_container_that_is_removed_has_ended() {
    let gone = ("404 Not Found", br#"{"message":"gone"}"#.to_vec(), false);
    let runtime = Runtime::start(vec![
        state(true, false),
        ("200 OK", frame(1, "last\n"), false),
        gone,
    ]);
    let output = Output::find(runtime.sockets(), ID).await.unwrap();
    let socket = runtime.sockets().remove(1);
    let ended = format!("Ended(\"{socket} knows no such container\")");
    assert_eq!(said(output, 9).await, ["last".to_owned(), ended]);
}

#[tokio::test]
async fn who_does_not_tell_is_named_with_the_reason() {
    let refusal = br#"{"message":"driver \"none\" does not support reading"}"#.to_vec();
    let runtime = Runtime::start(vec![
        state(true, false),
        ("501 Not Implemented", refusal, false),
        ("200 OK", b"no json".to_vec(), false),
    ]);
    let output = Output::find(runtime.sockets(), ID).await.unwrap();
    let refused = output.open().await.unwrap_err();
    let expected = "refuses: driver \"none\" does not support reading";
    assert!(refused.ends_with(expected), "{refused}");
    let unreadable = Output::find(runtime.sockets(), ID).await.unwrap_err();
    let begins = unreadable.starts_with("nobody listens at /no/such.sock and ");
    assert!(
        begins && unreadable.contains("does not answer: expected"),
        "{unreadable}"
    );
}

#[tokio::test]
async fn a_stream_without_frames_is_not_guessed_at() {
    let body = b"plain text\n".to_vec();
    let runtime = Runtime::start(vec![state(true, false), ("200 OK", body, true)]);
    let output = Output::find(runtime.sockets(), ID).await.unwrap();
    let ended = r#"Ended("a frame begins with 0x70")"#;
    assert_eq!(said(output, 9).await, [ended]);
}
