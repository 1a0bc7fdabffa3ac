//! Ctrl-C a second time, for who cannot wait.

use std::io::{BufRead as _, BufReader};

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use temblor_tests::{signal, wait_until};

use super::stage::{DEADLINE, Stage};

#[test]
fn an_inject_that_is_interrupted_twice_leaves_at_once_and_its_fault_ends() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = format!("inject net.loss --duration 10m --target {target}");
    let words: Vec<&str> = words.split(' ').collect();
    let mut command = stage.cli().start(&words)?;
    stage.await_answers(0)?;
    let mut err = BufReader::new(command.stderr.take().context("stderr is piped")?);
    // An engine that cannot answer is what a second interrupt is for.
    signal(stage.engine.pid(), Signal::SIGSTOP)?;
    let pid = command.id().cast_signed();
    signal(pid, Signal::SIGINT)?;
    let mut line = String::new();
    while !line.contains("once more to leave at once") {
        line.clear();
        anyhow::ensure!(err.read_line(&mut line)? > 0, "it left at the first");
    }
    signal(pid, Signal::SIGINT)?;
    let mut status = None;
    let left = wait_until("it leaves", DEADLINE, || {
        status = command.try_wait().ok().flatten();
        status.is_some()
    });
    signal(stage.engine.pid(), Signal::SIGCONT)?;
    left?;
    assert_eq!(status.and_then(|status| status.code()), Some(1));
    stage.await_answers(2)?;
    stage.close()
}
