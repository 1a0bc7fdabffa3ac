//! Engines that come, go, and have faults between two looks; and faults that are followed.

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::fixture::{active, block_on, ended, named};
use crate::announce::destination::{Destination, Sending};
use crate::announce::watch::Watcher;
use crate::announce::{Announcement, Announcer, Told};
use crate::client::{SOCKET, connect};
use crate::protocol::{Answer, Call, Class, EngineStatus, Failure, FaultReport, Request, Response};

/// What an engine has.
#[derive(Debug, Default)]
struct Faults {
    pid: i32,
    armed: Vec<FaultReport>,
    ended: Vec<FaultReport>,
    forgotten: usize,
}

/// An engine that has what the test gives it.
#[derive(Debug)]
struct Double {
    faults: Arc<Mutex<Faults>>,
    /// Ends with it, and closes its connections.
    _serving: JoinSet<()>,
}

impl Double {
    fn start(run_dir: &Path, pid: i32) -> Self {
        let socket = run_dir.join(SOCKET);
        // Of the one before.
        let _none = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(socket).unwrap();
        let faults = Arc::new(Mutex::new(Faults {
            pid,
            ..Faults::default()
        }));
        let mut serving = JoinSet::new();
        let served = Arc::clone(&faults);
        serving.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                talks.spawn(converse(stream, Arc::clone(&served)));
            }
        });
        Self {
            faults,
            _serving: serving,
        }
    }

    fn arm(&self, fault: &str) {
        let report = named(fault, active());
        self.faults.lock().unwrap().armed.push(report);
    }

    fn end(&self, fault: &str) {
        let mut faults = self.faults.lock().unwrap();
        faults.armed.retain(|report| report.fault != fault);
        faults.ended.push(named(fault, ended()));
    }

    /// Keeps the newest only.
    fn forget(&self, forgotten: usize) {
        self.faults.lock().unwrap().forgotten = forgotten;
    }
}

async fn converse(stream: UnixStream, faults: Arc<Mutex<Faults>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Request { id, call } = serde_json::from_str(&line).unwrap();
        let answer = answer(&faults.lock().unwrap(), &call);
        let mut line = serde_json::to_vec(&Response { id, answer }).unwrap();
        line.push(b'\n');
        if write.write_all(&line).await.is_err() {
            return;
        }
    }
}

fn answer(faults: &Faults, call: &Call) -> Result<Answer, Failure> {
    match call {
        Call::Status => Ok(Answer::Status {
            engine: EngineStatus {
                version: "0".to_owned(),
                pid: faults.pid,
                keeper: 2,
                attached: 0,
                observing: 0,
                lease_ms: 0,
                clients: 1,
                undo_entries: 0,
            },
            faults: faults.armed.clone(),
        }),
        Call::Ended { after } => {
            let after = usize::try_from(*after).unwrap_or(usize::MAX);
            let first = after.clamp(faults.forgotten, faults.ended.len());
            // One at a time.
            let given: Vec<FaultReport> =
                faults.ended.iter().skip(first).take(1).cloned().collect();
            Ok(Answer::Ended {
                next: u64::try_from(first + given.len()).unwrap(),
                forgotten: u64::try_from(first.saturating_sub(after)).unwrap(),
                faults: given,
            })
        }
        Call::Snapshot { fault } => {
            let mut all = faults.armed.iter().chain(&faults.ended);
            let found = all.find(|report| report.fault == *fault).cloned();
            found
                .map(|fault| Answer::Snapshot {
                    fault: Box::new(fault),
                })
                .ok_or_else(|| Failure {
                    class: Class::Input,
                    problems: Vec::new(),
                })
        }
        other => panic!("{other:?}"),
    }
}

/// One look: which faults began and ended, and what did not work.
async fn look(watcher: &mut Watcher<'_>, folder: &TempDir) -> (Vec<String>, Option<String>) {
    let (new, trouble) = watcher.look(folder.path()).await;
    (new.iter().map(word).collect(), trouble)
}

/// Such as `+a` and `-a deadline`.
fn word(announcement: &Announcement) -> String {
    let fault = &announcement.fault;
    match &announcement.end {
        None => format!("+{fault}"),
        Some(end) => format!("-{fault} {}", end.how.word()),
    }
}

fn new(words: &[&str]) -> (Vec<String>, Option<String>) {
    (words.iter().map(|&word| word.to_owned()).collect(), None)
}

#[test]
fn faults_are_seen_whoever_arms_them_also_between_two_looks() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Told::default();
    let mut watcher = Watcher::new(&mut told);
    block_on(async {
        let engine = Double::start(folder.path(), 1);
        engine.end("old");
        engine.arm("a");
        assert_eq!(look(&mut watcher, &folder).await, new(&["+a"]));
        assert_eq!(look(&mut watcher, &folder).await, new(&[]));
        engine.arm("b");
        engine.end("a");
        engine.end("short");
        let seen = ["+b", "-a deadline", "+short", "-short deadline"];
        assert_eq!(look(&mut watcher, &folder).await, new(&seen));
        engine.end("b");
        assert_eq!(look(&mut watcher, &folder).await, new(&["-b deadline"]));
        assert_eq!(look(&mut watcher, &folder).await, new(&[]));
    });
}

#[test]
fn faults_end_with_their_engine_and_the_next_one_has_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Told::default();
    let mut watcher = Watcher::new(&mut told);
    block_on(async {
        assert_eq!(look(&mut watcher, &folder).await, new(&[]));
        let engine = Double::start(folder.path(), 1);
        // It came after the first look: what has ended in it is new.
        engine.end("early");
        engine.arm("a");
        let seen = ["+a", "+early", "-early deadline"];
        assert_eq!(look(&mut watcher, &folder).await, new(&seen));
        drop(engine);
        // The connection has gone, and then nobody is there.
        let mut gone = look(&mut watcher, &folder).await;
        gone.0.extend(look(&mut watcher, &folder).await.0);
        assert_eq!(gone, new(&["-a engine-gone"]));
        let engine = Double::start(folder.path(), 2);
        engine.arm("a");
        assert_eq!(look(&mut watcher, &folder).await, new(&["+a"]));
        drop(engine);
        let engine = Double::start(folder.path(), 3);
        engine.end("a");
        let mut replaced = look(&mut watcher, &folder).await;
        replaced.0.extend(look(&mut watcher, &folder).await.0);
        let seen = ["-a engine-gone", "+a", "-a deadline"];
        assert_eq!(replaced, new(&seen));
    });
}

#[test]
fn what_the_engine_has_forgotten_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut told = Told::default();
    let mut watcher = Watcher::new(&mut told);
    block_on(async {
        let engine = Double::start(folder.path(), 1);
        look(&mut watcher, &folder).await;
        for fault in ["a", "b", "c"] {
            engine.end(fault);
        }
        engine.forget(2);
        let said = "2 faults ended unseen since the last look".to_owned();
        let seen = (new(&["+c", "-c deadline"]).0, Some(said));
        assert_eq!(look(&mut watcher, &folder).await, seen);
    });
}

/// Passes everything on.
#[derive(Debug)]
struct Ear(mpsc::Sender<String>);

impl Destination for Ear {
    fn name(&self) -> String {
        "an ear".to_owned()
    }

    fn at_once(&self) -> usize {
        1
    }

    fn send(&mut self, batch: &[Announcement], _patience: Duration) -> Sending {
        for announcement in batch {
            self.0.send(word(announcement)).unwrap();
        }
        Sending::Done
    }
}

fn announcer() -> (Announcer, mpsc::Receiver<String>) {
    let (ear, heard) = mpsc::channel();
    let ear: Box<dyn Destination> = Box::new(Ear(ear));
    (Announcer::start([ear]).unwrap(), heard)
}

#[test]
fn a_followed_fault_is_announced_before_the_command_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (announcer, heard) = announcer();
    block_on(async {
        let engine = Double::start(folder.path(), 1);
        engine.arm("a");
        let client = connect(folder.path()).await.unwrap();
        announcer.follow(&client, "a");
        engine.end("a");
        assert_eq!(announcer.finish().await, (vec![], vec![]));
    });
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["+a", "-a deadline"]);
}

#[test]
fn a_fault_that_acts_on_is_named_and_one_whose_engine_is_lost_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (announcer, heard) = announcer();
    block_on(async {
        let engine = Double::start(folder.path(), 1);
        engine.arm("a");
        let client = connect(folder.path()).await.unwrap();
        announcer.follow(&client, "a");
        let (_, open) = announcer.finish().await;
        assert_eq!(open, ["a"]);
    });
    let folder = tempfile::tempdir().unwrap();
    drop(heard);
    let (announcer, heard) = self::announcer();
    block_on(async {
        let engine = Double::start(folder.path(), 1);
        engine.arm("a");
        let client = connect(folder.path()).await.unwrap();
        announcer.follow(&client, "a");
        let waited = tokio::task::spawn_blocking(move || (heard.recv(), heard)).await;
        let (first, heard) = waited.unwrap();
        assert_eq!(first.as_deref(), Ok("+a"));
        drop(engine);
        assert_eq!(announcer.finish().await, (vec![], vec![]));
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["-a engine-gone"]);
    });
}

#[test]
fn who_leaves_at_once_lets_go_of_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (announcer, _heard) = announcer();
    block_on(async {
        let engine = Double::start(folder.path(), 1);
        engine.arm("a");
        let client = connect(folder.path()).await.unwrap();
        announcer.follow(&client, "a");
        let (_, open) = announcer.leave();
        assert_eq!(open, ["a"]);
        let (shortfalls, open) = announcer.finish().await;
        assert_eq!((shortfalls, open), (vec![], vec![]));
    });
}
