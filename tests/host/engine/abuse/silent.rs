//! Clients that do not listen, or only listen.

use std::io::Write as _;
use std::net::Shutdown;

use anyhow::{Context as _, Result};
use temblor_tests::Engine;

use super::scene::{Raw, answered, await_calm, question, under};

/// Asks until neither side has room for more: how often it could.
fn ask_without_listening(engine: &Engine, request: &[u8]) -> Result<(Raw, usize)> {
    let client = Raw::connect(engine)?;
    client.stream().set_nonblocking(true)?;
    let mut asked = 0;
    let mut full_in_a_row = 0;
    while full_in_a_row < 50 {
        match client.stream().write(request) {
            Ok(_length) => {
                asked += 1;
                full_in_a_row = 0;
            }
            Err(full) if full.kind() == std::io::ErrorKind::WouldBlock => {
                full_in_a_row += 1;
                // The engine has had its turn: it answered somebody who asked after us.
                answered(engine)?;
            }
            Err(error) => return Err(error.into()),
        }
        anyhow::ensure!(asked < 1_000_000, "the engine takes requests without end");
    }
    Ok((client, asked))
}

#[test]
fn a_client_that_never_reads_its_answers_is_not_read_any_more() -> Result<()> {
    under(|engine| {
        let (client, asked) = ask_without_listening(engine, &question(1))?;
        assert!(asked > 10, "only {asked}");
        drop(client);
        await_calm(engine)
    })
}

#[test]
fn many_who_ask_for_plans_and_never_listen_do_not_stall_the_lease() -> Result<()> {
    under(|engine| {
        let plan = concat!(
            r#"{"id":1,"call":{"op":"plan","fault":"sock.error","params":{"target":"pid:1","#,
            r#""duration":"1s","operation":"connect","errno":"EPERM"}}}"#,
            "\n"
        );
        let mut silent = Vec::new();
        for _ in 0..100 {
            let client = Raw::connect(engine)?;
            client.write(plan.repeat(100).as_bytes())?;
            silent.push(client);
        }
        answered(engine)?;
        drop(silent);
        await_calm(engine)
    })
}

#[test]
fn who_stops_writing_still_hears_its_answers() -> Result<()> {
    under(|engine| {
        let mut client = Raw::connect(engine)?;
        for id in 1..=3 {
            client.write(&question(id))?;
        }
        client.close(Shutdown::Write)?;
        for id in 1..=3 {
            let response = client.hear()?.context("it is answered")?;
            assert!(response.id == id && response.answer.is_ok(), "{response:?}");
        }
        client.gone()?;
        await_calm(engine)
    })
}

#[test]
fn who_stops_reading_is_let_go() -> Result<()> {
    under(|engine| {
        let client = Raw::connect(engine)?;
        client.close(Shutdown::Read)?;
        client.write(&question(1))?;
        await_calm(engine)?;
        drop(client);
        Ok(())
    })
}

#[test]
fn who_never_says_a_word_is_no_burden() -> Result<()> {
    under(|engine| {
        let silent: Result<Vec<Raw>> = (0..200).map(|_| Raw::connect(engine)).collect();
        answered(engine)?;
        drop(silent?);
        await_calm(engine)
    })
}
