//! More clients than anybody has.

use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::{Class, MAX_LINE};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use temblor_tests::{Engine, signal, wait_until};

use super::super::loss::loss;
use super::scene::{Raw, answered, await_calm, question, under};
use crate::stage::{DEADLINE, Stage};

/// Clients that the engine serves at once.
const MOST: usize = 1_024;
/// Those of them that are here before the crowd: the owner and the harness.
const BEFORE: usize = 2;

/// Lets this process open as many files as it may.
fn raise_descriptors() -> Result<()> {
    let (_soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

/// So many connections, of which each has asked and none has listened.
fn crowd(engine: &Engine, count: usize) -> Result<Vec<Raw>> {
    raise_descriptors()?;
    let mut all = Vec::new();
    for number in 0..count {
        let client = Raw::connect(engine).with_context(|| format!("client {number}"))?;
        client.write(&question(number as u64))?;
        all.push(client);
    }
    Ok(all)
}

#[test]
fn a_thousand_clients_at_once_are_all_answered() -> Result<()> {
    under(|engine| {
        let mut all = crowd(engine, 1_000)?;
        for (number, client) in all.iter_mut().enumerate() {
            let response = client.hear()?.context("it is answered")?;
            assert_eq!(response.id, number as u64);
            response.answer.ok().context("it is told")?;
        }
        let (status, _faults) = engine.client()?.status()?;
        assert_eq!(status.clients, 1_000 + BEFORE + 1);
        drop(all);
        await_calm(engine)
    })
}

#[test]
fn one_client_too_many_is_told_and_let_go_and_the_next_one_finds_a_place() -> Result<()> {
    under(|engine| {
        let mut all = crowd(engine, MOST - BEFORE)?;
        for client in &mut all {
            let response = client.hear()?.context("it is answered")?;
            response.answer.ok().context("it is served")?;
        }
        for _ in 0..20 {
            let mut late = Raw::connect(engine)?;
            let failure = late.refused(Class::Refused)?;
            let said = &failure.problems[0];
            assert_eq!(said.message, "the engine serves 1024 clients already");
            assert!(said.hint.is_some());
            late.gone()?;
        }
        // Those who are there go on.
        let first = all.first_mut().context("a crowd")?;
        first.write(&question(7))?;
        assert_eq!(first.hear()?.context("it is answered")?.id, 7);
        all.pop();
        wait_until("the place is free", DEADLINE, || answered(engine).is_ok())?;
        drop(all);
        await_calm(engine)
    })
}

#[test]
fn a_crowd_in_the_middle_of_its_lines_is_held() -> Result<()> {
    under(|engine| {
        let mut all = crowd(engine, 64)?;
        let half = vec![b'x'; MAX_LINE / 2];
        for client in &all {
            client.write(&half)?;
        }
        answered(engine)?;
        for client in &mut all {
            client.write(b"\n")?;
        }
        for client in &mut all {
            client
                .hear()?
                .context("the question")?
                .answer
                .ok()
                .context("is answered")?;
            client.refused(Class::Input)?;
        }
        drop(all);
        await_calm(engine)
    })
}

/// Connects to an engine that accepts nobody until the kernel lets nobody wait any more.
fn fill_the_queue(engine: &Engine) -> Result<Vec<OwnedFd>> {
    raise_descriptors()?;
    let address = UnixAddr::new(&engine.run_dir().join("engine.sock"))?;
    let mut waiting = Vec::new();
    loop {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let one = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        match connect(one.as_raw_fd(), &address) {
            Ok(()) => waiting.push(one),
            Err(Errno::EAGAIN) => return Ok(waiting),
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[test]
fn stop_ends_an_engine_that_too_many_wait_for() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    client.arm(Kind::NetLoss, &loss(&stage.client_netns()))?;
    // Its keeper too, which would end it otherwise.
    signal(stage.engine.keeper(), Signal::SIGSTOP)?;
    signal(stage.engine.pid(), Signal::SIGSTOP)?;
    let waiting = fill_the_queue(&stage.engine)?;
    let said = stage.cli().run(&["stop"])?;
    assert_eq!(said.code, Some(0), "{} wait: {said:?}", waiting.len());
    assert!(stage.engine.has_ended());
    let to = stage.echoes[0];
    assert_eq!(stage.client.datagrams(to, 3)?.0.len(), 3);
    signal(stage.engine.keeper(), Signal::SIGCONT)?;
    stage.engine.await_end()?;
    stage.close()
}
