use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use injector_core::logs::{Level, Template};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::feed::{Event, Feed, What};
use super::find::{Wanted, find};
use super::tail::{From, Tail};
use super::*;

/// Longer than anything takes on a busy machine.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

fn append(path: &Path, text: &str) {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

/// A folder with a file in it that has a line already.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    append(&path, "before\n");
    (folder, path)
}

fn open(path: &Path) -> Tail {
    Tail::open(path, true, From::End).unwrap()
}

/// What has come, and how often the file was found to begin anew.
fn come(tail: &mut Tail) -> (Vec<String>, u32) {
    let (mut texts, mut restarts) = (Vec::new(), 0);
    loop {
        let look = tail.look().unwrap();
        let is_all = look.lines.is_empty() && !look.is_more;
        restarts += u32::from(look.restarted);
        texts.extend(look.lines.into_iter().map(|line| line.text));
        if is_all {
            return (texts, restarts);
        }
    }
}

#[track_caller]
fn check(tail: &mut Tail, texts: &[&str], restarts: u32) {
    let expected = texts.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(come(tail), (expected, restarts));
}

#[test]
fn only_what_is_written_from_now_on_is_read() {
    let (_folder, path) = place();
    let mut tail = open(&path);
    check(&mut tail, &[], 0);
    append(&path, "one\ntw");
    check(&mut tail, &["one"], 0);
    append(&path, "o\nlast");
    check(&mut tail, &["two"], 0);
    let (lines, unread) = tail.end();
    assert_eq!((&*lines[0].text, lines.len(), unread), ("last", 1, 0));
}

#[test]
fn a_line_that_had_begun_is_read_whole() {
    let (_folder, path) = place();
    append(&path, "half");
    let mut tail = open(&path);
    append(&path, " and half\n");
    check(&mut tail, &["half and half"], 0);
}

#[test]
fn of_a_line_that_had_begun_far_away_the_rest_is_read() {
    let (_folder, path) = place();
    append(&path, &"x".repeat(2 * MOST_LINE));
    let mut tail = open(&path);
    append(&path, "rest\n");
    check(&mut tail, &["rest"], 0);
}

#[test]
fn a_renamed_file_is_read_on_beside_the_one_that_took_its_name() {
    let (folder, path) = place();
    let mut tail = open(&path);
    append(&path, "one\n");
    let old = folder.path().join("app.log.1");
    fs::rename(&path, &old).unwrap();
    append(&old, "two\n");
    check(&mut tail, &["one", "two"], 0);
    append(&path, "new one\n");
    append(&old, "old three, and a ha");
    let (texts, restarts) = come(&mut tail);
    assert_eq!((texts, restarts), (vec!["new one".to_owned()], 0));
    // Who writes has not noticed yet.
    append(&old, "lf\n");
    check(&mut tail, &["old three, and a half"], 0);
    append(&path, "new two\n");
    append(&old, "old four\n");
    check(&mut tail, &["old four", "new two"], 0);
}

#[test]
fn of_a_file_that_was_replaced_twice_the_last_words_are_read() {
    let (folder, path) = place();
    let mut tail = open(&path);
    let made = folder.path().join("made");
    append(&path, "no end");
    append(&made, "one\n");
    fs::rename(&made, &path).unwrap();
    check(&mut tail, &["one"], 0);
    append(&made, "two\n");
    fs::rename(&made, &path).unwrap();
    check(&mut tail, &["no end", "two"], 0);
}

#[test]
fn a_file_that_was_cut_short_is_read_from_its_beginning() {
    let (_folder, path) = place();
    let mut tail = open(&path);
    append(&path, "one\n");
    check(&mut tail, &["one"], 0);
    File::create(&path).unwrap();
    append(&path, "two\n");
    check(&mut tail, &["two"], 1);
}

#[test]
fn a_file_that_was_cut_short_and_has_grown_since_is_noticed() {
    let (_folder, path) = place();
    let mut tail = open(&path);
    append(&path, "one\n");
    check(&mut tail, &["one"], 0);
    File::create(&path).unwrap();
    append(&path, "longer than all there was before\n");
    check(&mut tail, &["longer than all there was before"], 1);
}

#[test]
fn who_goes_on_behind_a_hole_is_read_there() {
    let (_folder, path) = place();
    let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
    let mut tail = open(&path);
    let block = format!("{}\n", "x".repeat(8_191));
    writer.write_all(block.as_bytes()).unwrap();
    check(&mut tail, &[block.trim_end()], 1);
    // As copytruncate does to who has not opened his file for appending.
    File::create(&path).unwrap();
    writer.write_all(b"after\n").unwrap();
    let (texts, restarts) = come(&mut tail);
    let texts: Vec<&str> = texts.iter().map(|text| text.trim_matches('\0')).collect();
    assert_eq!((&*texts, restarts), (&["after"][..], 1));
}

#[test]
fn what_is_no_regular_file_is_refused() {
    for path in ["/dev/null", "/proc", "/no/such/file"] {
        Tail::open(Path::new(path), true, From::End).unwrap_err();
    }
}

#[test]
fn a_file_that_came_later_is_read_from_its_beginning() {
    let (_folder, path) = place();
    let begun = File::open(&path).unwrap().metadata().unwrap().created();
    let begun = begun.unwrap();
    let mut late = Tail::open(&path, false, From::Since(begun)).unwrap();
    check(&mut late, &["before"], 0);
    let then = begun + Duration::from_secs(1);
    let mut early = Tail::open(&path, false, From::Since(then)).unwrap();
    check(&mut early, &[], 0);
}

/// A source's end of the line, and everything beyond it.
fn feed() -> (Feed, mpsc::Receiver<Event>, watch::Sender<bool>) {
    let (events, told) = mpsc::channel(8);
    let (stopper, stop) = watch::channel(false);
    (Feed::new(0, events, stop), told, stopper)
}

async fn next(events: &mut mpsc::Receiver<Event>) -> What {
    let event = timeout(DEADLINE, events.recv()).await;
    event.unwrap().unwrap().what
}

async fn next_line(events: &mut mpsc::Receiver<Event>) -> (String, Option<Level>) {
    match next(events).await {
        What::Line { line, beside, .. } => (line.text, beside),
        other => panic!("{other:?}"),
    }
}

/// Something that answers as `journalctl` does.
fn journalctl(script: &str) -> (TempDir, OsString) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journalctl");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, path.into_os_string())
}

#[tokio::test]
async fn the_journal_is_read_until_it_is_to_end() {
    let (_folder, program) = journalctl(
        r#"[ "$*" = "--follow --output=json --lines=0 --quiet --unit a.service" ] || exit 9
        echo '{"MESSAGE":"it broke","PRIORITY":"3","_PID":"7"}'
        echo '{"MESSAGE":"it is up","PRIORITY":"6"}'
        exec sleep 1000"#,
    );
    let (feed, mut events, stopper) = feed();
    let child = journal::start(&program, "a.service").unwrap();
    let pid = child.id().unwrap();
    let following = tokio::spawn(journal::follow(child, feed));
    let expected = ("it broke".to_owned(), Some(Level::Error));
    assert_eq!(next_line(&mut events).await, expected);
    let expected = ("it is up".to_owned(), Some(Level::Info));
    assert_eq!(next_line(&mut events).await, expected);
    stopper.send_replace(true);
    timeout(DEADLINE, following).await.unwrap().unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert!(events.recv().await.is_none());
}

#[tokio::test]
async fn a_stream_that_goes_on_is_left_when_it_is_to_end() {
    let (_folder, program) =
        journalctl(r#"while echo '{"MESSAGE":"and on"}'; do sleep 0.05; done"#);
    let (feed, mut events, stopper) = feed();
    let child = journal::start(&program, "a.service").unwrap();
    let following = tokio::spawn(journal::follow(child, feed));
    next_line(&mut events).await;
    stopper.send_replace(true);
    let all = async { while events.recv().await.is_some() {} };
    timeout(DEADLINE, all).await.unwrap();
    following.await.unwrap();
}

#[tokio::test]
async fn a_journalctl_that_fails_says_why() {
    let (_folder, program) = journalctl("echo 'No journal files were found.' >&2; exit 1");
    let (feed, mut events, _stopper) = feed();
    let child = journal::start(&program, "a.service").unwrap();
    tokio::spawn(journal::follow(child, feed));
    match next(&mut events).await {
        What::Ended(why) => assert_eq!(
            why,
            "journalctl ended, exit status: 1: No journal files were found."
        ),
        other => panic!("{other:?}"),
    }
    let missing = journal::start("/no/such/journalctl".as_ref(), "a.service").unwrap_err();
    assert!(
        missing.starts_with("/no/such/journalctl does not start: "),
        "{missing}"
    );
}

/// Follows one file and no target.
async fn collector(path: &Path, run_dir: &Path) -> Collector {
    let subject = Subject {
        target: None,
        files: vec![path.to_owned()],
        run_dir: run_dir.to_owned(),
        journalctl: OsString::new(),
    };
    Collector::start(subject).await.unwrap()
}

async fn until(collector: &mut Collector, lines: u64) {
    let counted = async {
        while collector.tally().all().lines < lines {
            collector.step().await;
        }
    };
    timeout(DEADLINE, counted).await.unwrap();
}

#[tokio::test]
async fn what_files_say_is_counted() {
    let (folder, path) = place();
    let mut collector = collector(&path, folder.path()).await;
    append(&path, "INFO request 1 is done\nERROR request 2 failed\n");
    until(&mut collector, 2).await;
    append(&path, "INFO request 3 is done\nINFO request 4");
    let collected = collector.finish().await;
    let templates = collected.tally.templates().iter();
    let found: Vec<(Level, &str, u64)> = templates
        .map(|((level, template), count)| (*level, template.as_str(), count.lines))
        .collect();
    let expected = [
        (Level::Error, "ERROR request <num> failed", 1),
        (Level::Info, "INFO request <num>", 1),
        (Level::Info, "INFO request <num> is done", 2),
    ];
    assert_eq!(found, expected);
    let followed = Followed {
        source: path.display().to_string(),
        lines: 4,
        ..Followed::default()
    };
    assert_eq!(collected.followed, [followed]);
    assert_eq!(collected.tally.all().calm, 4);
    assert_eq!(
        (collected.unfollowed, collected.faults_unknown),
        (vec![], None)
    );
}

#[tokio::test]
async fn a_flood_is_counted_to_its_last_line() {
    const LINES: u32 = 20_000;
    let (folder, path) = place();
    let collector = collector(&path, folder.path()).await;
    let long = "x".repeat(MOST_LINE);
    let lines = (0..LINES).map(|number| format!("{number:x} {number}\n"));
    append(&path, &lines.collect::<String>());
    append(&path, &format!("{long} cut\n{long} cut"));
    let collected = collector.finish().await;
    let all = u64::from(LINES) + 2;
    assert_eq!(collected.tally.all().lines, all);
    let followed = &collected.followed[0];
    assert_eq!(
        (followed.lines, followed.cut, followed.unread_bytes),
        (all, 2, 0)
    );
    assert!(collected.tally.templates().len() <= injector_core::logs::Tally::MOST_TEMPLATES);
    let longest = collected.tally.templates().keys();
    let longest = longest.map(|(_, template)| template.as_str().len()).max();
    assert!(longest <= Some(Template::MOST_BYTES));
}

#[tokio::test]
async fn a_file_that_cannot_be_followed_is_named() {
    let subject = Subject {
        target: None,
        files: vec!["/no/such/file".into()],
        run_dir: "/no/such/folder".into(),
        journalctl: OsString::new(),
    };
    let error = Collector::start(subject.clone()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "--file: `/no/such/file` cannot be followed"
    );
    let files = vec!["/dev/null".into(); Collector::MOST_SOURCES + 1];
    let error = Collector::start(Subject { files, ..subject })
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "65 files are more than the 64 that can be followed"
    );
}

/// Runs until it is told nothing more; what it writes goes to `log`, its complaints too.
fn shell(program: &Path, script: &str, log: &Path) -> Child {
    let log = File::create(log).unwrap();
    let mut command = Command::new(program);
    command.args(["-c", script]).stdin(Stdio::piped());
    command.stdout(log.try_clone().unwrap()).stderr(log);
    command.spawn().unwrap()
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn processes_are_found_by_number_name_and_program() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("tt-{}", std::process::id());
    let program = folder.path().join(&name);
    fs::copy("/bin/sh", &program).unwrap();
    let log = folder.path().join("log");
    let child = shell(&program, "read line", &log);
    let pid = child.id();
    let path = Path::new("/proc").join(pid.to_string()).join("fd/1");
    let exe = program.canonicalize().unwrap();
    for target in [
        format!("pid:{pid}"),
        format!("comm:{name}"),
        format!("exe:{}", exe.display()),
    ] {
        let found = find(&target.parse().unwrap()).unwrap();
        let is_it = |one: &Wanted| matches!(one, Wanted::File { path: its, .. } if *its == path);
        assert!(found.wanted.iter().any(is_it), "{target}: {found:?}");
    }
    end(child);
}

async fn collector_of(target: &str) -> Collector {
    let subject = Subject {
        target: Some(target.parse().unwrap()),
        files: Vec::new(),
        run_dir: "/no/such/folder".into(),
        journalctl: OsString::new(),
    };
    Collector::start(subject).await.unwrap()
}

#[tokio::test]
async fn a_file_that_is_both_output_and_errors_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let script = "while read line; do echo \"$line\"; done";
    let mut child = shell("/bin/sh".as_ref(), script, &log);
    let mut collector = collector_of(&format!("pid:{}", child.id())).await;
    child.stdin.as_mut().unwrap().write_all(b"one\n").unwrap();
    until(&mut collector, 1).await;
    end(child);
    let collected = collector.finish().await;
    assert_eq!(
        (collected.followed.len(), collected.tally.all().lines),
        (1, 1)
    );
}

#[tokio::test]
async fn a_process_that_is_started_later_is_followed_from_its_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let (log, late) = (folder.path().join("log"), folder.path().join("late"));
    let start = format!("{{ echo late; read line; }} > {}", late.display());
    let script = format!("read line; sh -c '{start}'");
    let mut child = shell("/bin/sh".as_ref(), &script, &log);
    let mut collector = collector_of(&format!("pid:{}", child.id())).await;
    child.stdin.as_mut().unwrap().write_all(b"now\n").unwrap();
    until(&mut collector, 1).await;
    let sources: Vec<&str> = collector
        .followed()
        .iter()
        .map(|one| &*one.source)
        .collect();
    assert_eq!(sources.len(), 2, "{sources:?}");
    assert!(
        sources[1].starts_with(late.to_str().unwrap()),
        "{sources:?}"
    );
    collector.finish().await;
    end(child);
}
