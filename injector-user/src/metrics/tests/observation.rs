use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use injector_core::target::Selector;
use injector_core::telemetry::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

use super::super::{Observation, Seen, Source};
use crate::client::SOCKET;
use crate::observer::Wanted;
use crate::protocol::{Answer, Call, Class, Failure, PROTOCOL, Request, Response};

/// What the engine was asked to observe, one after the other, and how many frames it gave.
#[derive(Debug, Default)]
struct Double {
    asked: Vec<Wanted>,
    frames: usize,
}

/// Longer than anything that is expected takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

fn wanted() -> Wanted {
    Wanted {
        targets: BTreeSet::from([Selector::Host]),
        signals: BTreeSet::from([Signal::Block]),
        top: 0,
    }
}

/// An engine that closes the first connection that observes after one frame, as one that ends does.
fn serve(folder: &Path, double: &Arc<Mutex<Double>>) {
    let listener = UnixListener::bind(folder.join(SOCKET)).unwrap();
    let double = Arc::clone(double);
    tokio::spawn(async move {
        while let Ok((stream, _address)) = listener.accept().await {
            tokio::spawn(converse(stream, Arc::clone(&double)));
        }
    });
}

async fn converse(mut stream: UnixStream, double: Arc<Mutex<Double>>) {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Request { id, call } = serde_json::from_str(&line).unwrap();
        let Some(answer) = double.lock().unwrap().answer(call) else {
            return;
        };
        let line = Response { id, answer }.line().unwrap();
        write.write_all(&line).await.unwrap();
    }
}

impl Double {
    fn answer(&mut self, call: Call) -> Option<Result<Answer, Failure>> {
        Some(match call {
            Call::Hello => Ok(Answer::Hello {
                version: "0".to_owned(),
                protocol: PROTOCOL,
                pid: 1,
                keeper: 2,
            }),
            Call::Observe(wanted) => {
                self.asked.push(wanted);
                Ok(Answer::Done)
            }
            Call::Frame if self.asked.len() == 1 && self.frames == 1 => return None,
            Call::Frame => {
                self.frames += 1;
                Ok(Answer::Frame {
                    frame: Box::default(),
                })
            }
            _ => Err(Failure {
                class: Class::Input,
                problems: Vec::new(),
            }),
        })
    }
}

/// Whether a frame can be had, once something has changed.
async fn await_seen(source: &Source, expected: bool) {
    let look = async {
        loop {
            let seen = matches!(source.scrape().await.seen, Seen::Frame(_));
            if seen == expected {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(DEADLINE, look).await.unwrap();
}

#[tokio::test]
async fn what_is_observed_is_asked_for_again_when_the_engine_has_gone() {
    let folder = TempDir::new().unwrap();
    let double = Arc::default();
    serve(folder.path(), &double);
    let observation = Observation::begin(folder.path(), wanted()).await.unwrap();
    let source = Source::new(folder.path(), Some(observation.clone()));
    let keeping = tokio::spawn(async move { observation.keep(|_text| {}).await });
    await_seen(&source, true).await;
    await_seen(&source, false).await;
    await_seen(&source, true).await;
    assert_eq!(double.lock().unwrap().asked, [wanted(), wanted()]);
    keeping.abort();
}

#[tokio::test]
async fn nothing_is_asked_for_what_nobody_wants() {
    let folder = TempDir::new().unwrap();
    let scraped = Source::new(folder.path(), None).scrape().await;
    assert!(matches!(scraped.seen, Seen::Nothing), "{scraped:?}");
    assert!(scraped.status.is_none(), "{scraped:?}");
}
