//! Real commands.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use injector_core::experiment::{Arguments, Process};
use serde_json::{Value, json};

use crate::runner::ProcessError;
use crate::runner::call::{self, find};

fn process(path: &str, arguments: Arguments, timeout: Option<u64>) -> Process {
    Process {
        path: path.to_owned(),
        arguments,
        timeout: timeout.map(Duration::from_millis),
    }
}

async fn call_process(process: &Process) -> Result<Value, ProcessError> {
    call::call_process(process, &BTreeMap::new()).await
}

fn list(words: &[&str]) -> Arguments {
    Arguments::List(words.iter().map(|word| (*word).to_owned()).collect())
}

async fn check(path: &str, arguments: Arguments, expected: Value) {
    assert_eq!(
        call_process(&process(path, arguments, None)).await.unwrap(),
        expected
    );
}

#[tokio::test]
async fn a_command_answers_its_status_and_output() {
    check(
        "sh",
        list(&["-c", "echo out; echo err >&2; exit 3"]),
        json!({ "status": 3, "stdout": "out\n", "stderr": "err\n" }),
    )
    .await;
    check(
        "echo",
        list(&["$HOME", "a b"]),
        json!({ "status": 0, "stdout": "$HOME a b\n", "stderr": "" }),
    )
    .await;
    check(
        "echo",
        Arguments::Shell("a  b | tr a c".to_owned()),
        json!({ "status": 0, "stdout": "c b\n", "stderr": "" }),
    )
    .await;
    let named = [("-n", ""), ("a", "b")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    check(
        "echo",
        Arguments::Named(named.to_vec()),
        json!({ "status": 0, "stdout": "a b", "stderr": "" }),
    )
    .await;
    check(
        "sh",
        list(&["-c", "kill -9 $$"]),
        json!({ "status": -9, "stdout": "", "stderr": "" }),
    )
    .await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let error = call_process(&process("no-such-program", list(&[]), None))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no program `no-such-program` to be found"
    );
    assert_eq!(find("/etc/passwd"), None, "not executable");
}

#[tokio::test]
async fn much_output_neither_blocks_the_command_nor_fills_the_memory() {
    let answer = call_process(&process(
        "sh",
        list(&[
            "-c",
            "head -c 5000000 /dev/zero | tr '\\0' x; echo done >&2",
        ]),
        None,
    ))
    .await
    .unwrap();
    assert_eq!(
        (
            answer["stdout"].as_str().unwrap().len(),
            answer["stderr"].as_str()
        ),
        (1 << 20, Some("done\n"))
    );
}

/// Waits until the process is gone, and fails after a while.
async fn gone(pid: &str) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    // A zombie of another parent counts as gone.
    let alive = |pid: &str| {
        let stat =
            std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    while alive(pid) {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{pid} is still there"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const FAMILY: &str = "sleep 60 & echo $! >$0; echo $$ >>$0; wait";

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_its_children() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let arguments = list(&["-c", FAMILY, file.path().to_str().unwrap()]);
    let error = call_process(&process("sh", arguments, Some(300)))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("took longer than 300ms and was killed"),
        "{error}"
    );
    let pids = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(pids.lines().count(), 2);
    for pid in pids.lines() {
        gone(pid).await;
    }
}

#[tokio::test]
async fn a_command_nobody_waits_for_any_more_is_killed_with_its_children() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let process = process(
        "sh",
        list(&["-c", FAMILY, file.path().to_str().unwrap()]),
        None,
    );
    let task = tokio::spawn(async move { call_process(&process).await });
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let pids = loop {
        let pids = std::fs::read_to_string(file.path()).unwrap();
        if pids.lines().count() == 2 {
            break pids;
        }
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    for pid in pids.lines() {
        gone(pid).await;
    }
}

#[tokio::test]
async fn what_a_command_leaves_running_on_purpose_goes_on() {
    let answer = call_process(&process(
        "sh",
        list(&["-c", "sleep 60 >/dev/null 2>&1 & echo $!"]),
        None,
    ))
    .await
    .unwrap();
    let pid: i32 = answer["stdout"].as_str().unwrap().trim().parse().unwrap();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
}
