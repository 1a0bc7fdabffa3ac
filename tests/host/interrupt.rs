//! Ctrl-C: once ends the fault and says what it did, twice leaves at once.

use std::io::{BufRead as _, BufReader};

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use temblor_tests::{finish, signal, wait_until};

use super::stage::{DEADLINE, Stage};

#[test]
fn an_interrupted_inject_ends_its_fault_and_reports() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = format!("--json inject net.loss --duration 10m --target {target}");
    let words: Vec<&str> = words.split(' ').collect();
    let to = stage.echoes[0];
    for (ending, reports) in [(Signal::SIGINT, true), (Signal::SIGKILL, false)] {
        let command = stage.cli().start(&words)?;
        wait_until("it acts", DEADLINE, || {
            stage
                .client
                .datagrams(to, 2)
                .is_ok_and(|(answered, _)| answered.is_empty())
        })?;
        signal(command.id().cast_signed(), ending)?;
        let said = finish(command)?;
        wait_until("it acts no more", DEADLINE, || {
            stage
                .client
                .datagrams(to, 2)
                .is_ok_and(|(answered, _)| answered.len() == 2)
        })?;
        assert_eq!(said.json().is_ok(), reports, "{said:?}");
    }
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn an_inject_that_is_interrupted_twice_leaves_at_once_and_its_fault_ends() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = format!("inject net.loss --duration 10m --target {target}");
    let words: Vec<&str> = words.split(' ').collect();
    let to = stage.echoes[0];
    let mut command = stage.cli().start(&words)?;
    wait_until("it acts", DEADLINE, || {
        stage
            .client
            .datagrams(to, 2)
            .is_ok_and(|(answered, _)| answered.is_empty())
    })?;
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
    wait_until("it acts no more", DEADLINE, || {
        stage
            .client
            .datagrams(to, 2)
            .is_ok_and(|(answered, _)| answered.len() == 2)
    })?;
    stage.close()
}
