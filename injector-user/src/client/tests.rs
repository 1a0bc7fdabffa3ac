//! The client against an engine made of a few lines.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{Client, ClientError, SOCKET, connect};
use crate::protocol::{Answer, Call, Class, Failure, PROTOCOL, Request, Response, Which};

fn hello(protocol: u32) -> Answer {
    Answer::Hello {
        version: "0".to_owned(),
        protocol,
        pid: 1,
        keeper: 2,
    }
}

/// Reads `count` requests before it answers any, the last first.
async fn answer_backwards(stream: UnixStream, count: usize) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut requests = Vec::new();
    while requests.len() < count {
        let Some(line) = lines.next_line().await.unwrap() else {
            return;
        };
        requests.push(serde_json::from_str::<Request>(&line).unwrap());
    }
    for Request { id, call } in requests.into_iter().rev() {
        let answer = match call {
            Call::Hello => Ok(hello(PROTOCOL + 1)),
            Call::MakeCgroup => Ok(Answer::Cgroup {
                path: "/a".to_owned(),
            }),
            // As long a one as it says.
            Call::Enter { pid } => Ok(Answer::Cgroup {
                path: "/".repeat(usize::try_from(pid).unwrap()),
            }),
            _ => Err(Failure {
                class: Class::Refused,
                problems: Vec::new(),
            }),
        };
        let mut line = serde_json::to_vec(&Response { id, answer }).unwrap();
        line.push(b'\n');
        write.write_all(&line).await.unwrap();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(future)
}

async fn client_of(run_dir: &Path, count: usize) -> Client {
    let listener = UnixListener::bind(run_dir.join(SOCKET)).unwrap();
    tokio::spawn(async move {
        let (stream, _address) = listener.accept().await.unwrap();
        answer_backwards(stream, count).await;
    });
    connect(run_dir).await.unwrap()
}

#[test]
fn answers_find_their_questions_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let client = client_of(folder.path(), 3).await;
        let stop = Call::Stop { which: Which::All };
        let (made, greeted, stopped) = tokio::join!(
            client.call(Call::MakeCgroup),
            client.greet(Duration::from_secs(20)),
            client.call(stop)
        );
        let path = "/a".to_owned();
        assert_eq!(made.unwrap(), Answer::Cgroup { path });
        let theirs = PROTOCOL + 1;
        assert!(matches!(greeted, Err(ClientError::Protocol { theirs: t }) if t == theirs));
        assert!(
            matches!(stopped, Err(ClientError::Answer(_))),
            "{stopped:?}"
        );
        assert_eq!(client.pid(), Some(std::process::id().cast_signed()));
    });
}

#[test]
fn an_engine_that_goes_away_is_noticed_by_whoever_waits() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let client = client_of(folder.path(), 0).await;
        let call = client.call(Call::Status).await;
        assert!(matches!(call, Err(ClientError::Gone)), "{call:?}");
        let again = client.call(Call::Status).await;
        assert!(matches!(again, Err(ClientError::Gone)), "{again:?}");
    });
}

#[test]
fn who_is_turned_away_learns_why_whenever_it_asks() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let client = connect(folder.path()).await.unwrap();
        let (mut stream, _address) = listener.accept().await.unwrap();
        let why = Failure {
            class: Class::Refused,
            problems: Vec::new(),
        };
        let answer = Err(why.clone());
        let line = Response { id: 0, answer }.line().unwrap();
        stream.write_all(&line).await.unwrap();
        drop(stream);
        for number in 0..3 {
            let call = client.call(Call::Status).await;
            let Err(ClientError::Answer(said)) = call else {
                panic!("call {number}: {call:?}");
            };
            assert_eq!(said, why);
        }
    });
}

#[test]
fn a_request_that_is_too_long_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let client = client_of(folder.path(), 1).await;
        let fault = "x".repeat(2 << 20);
        let call = client.call(Call::Snapshot { fault }).await;
        assert!(matches!(call, Err(ClientError::TooLong { .. })), "{call:?}");
        let answer = client.call(Call::MakeCgroup).await;
        assert!(answer.is_ok(), "{answer:?}");
    });
}

#[test]
fn an_answer_may_be_longer_than_a_request() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let client = client_of(folder.path(), 1).await;
        let pid = 5 << 20;
        match client.call(Call::Enter { pid }).await {
            Ok(Answer::Cgroup { path }) => assert_eq!(path.len(), 5 << 20),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn nobody_there_is_said_with_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let found = block_on(connect(folder.path()));
    let Err(ClientError::NotRunning { socket }) = found else {
        panic!("{found:?}");
    };
    assert_eq!(socket, folder.path().join(SOCKET));
}
