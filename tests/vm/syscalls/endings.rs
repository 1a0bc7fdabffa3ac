//! Nothing fails any more once the fault is over, however it ended.

use anyhow::Result;
use nix::sys::signal::Signal;
use temblor_tests::{Armed, Caller, Client, Engine, signal, wait_until};

use super::call::{CALL, DEADLINE, arm, fails, target};

/// Lets the fault act, and then `end` it.
fn check(
    more: &[(&str, &str)],
    end: impl FnOnce(&Engine, Client, &Armed) -> Result<Option<Client>>,
) -> Result<()> {
    let mut caller = Caller::start(1, &[CALL])?;
    let mut sibling = Caller::start(1, &[CALL])?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let armed = arm(&mut client, &target(&caller), more)?;
    assert!(fails(&mut caller)?);
    assert!(!fails(&mut sibling)?);
    // What is kept ends nothing.
    let _kept = end(&engine, client, &armed)?;
    wait_until("it is over", DEADLINE, || {
        fails(&mut caller).is_ok_and(|fails| !fails)
    })?;
    assert!(!fails(&mut sibling)?);
    Ok(())
}

#[test]
fn by_stopping_it() -> Result<()> {
    check(&[], |_engine, mut client, armed| {
        let report = client.stop_one(armed)?;
        assert_eq!(report.counters.injected, 1);
        Ok(Some(client))
    })
}

#[test]
fn by_going_away() -> Result<()> {
    check(&[], |_engine, client, _armed| {
        drop(client);
        Ok(None)
    })
}

#[test]
fn by_its_deadline() -> Result<()> {
    check(&[("duration", "8s")], |_engine, client, _armed| {
        Ok(Some(client))
    })
}

#[test]
fn by_killing_the_engine() -> Result<()> {
    check(&[], |engine, client, _armed| {
        signal(engine.pid(), Signal::SIGKILL)?;
        Ok(Some(client))
    })
}

#[test]
fn by_stopping_the_engine() -> Result<()> {
    check(&[], |engine, client, _armed| {
        signal(engine.pid(), Signal::SIGSTOP)?;
        Ok(Some(client))
    })
}
