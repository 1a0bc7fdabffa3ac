//! Nothing fails any more once the fault is over, however it ended.

use anyhow::Result;
use nix::sys::signal::Signal;
use temblor_tests::{Armed, Caller, Client, Engine, signal, wait_until};

use super::{CALL, DEADLINE, arm, fails, target};

/// Lets the fault act, and then `end` it.
fn check(
    more: &[(&str, &str)],
    end: impl FnOnce(&Engine, Client, &Armed) -> Result<()>,
) -> Result<()> {
    let mut caller = Caller::start(1, &[CALL])?;
    let mut sibling = Caller::start(1, &[CALL])?;
    let engine = Engine::start()?;
    let mut client = engine.client()?;
    let armed = arm(&mut client, &target(&caller), more)?;
    assert!(fails(&mut caller)?);
    assert!(!fails(&mut sibling)?);
    end(&engine, client, &armed)?;
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
        Ok(())
    })
}

#[test]
fn by_going_away() -> Result<()> {
    check(&[], |_engine, client, _armed| {
        drop(client);
        Ok(())
    })
}

#[test]
fn by_its_deadline() -> Result<()> {
    check(&[("duration", "8s")], |_engine, client, _armed| {
        // Kept: it is not the client's going that ends it.
        std::mem::forget(client);
        Ok(())
    })
}

#[test]
fn by_killing_the_engine() -> Result<()> {
    check(&[], |engine, _client, _armed| {
        signal(engine.pid(), Signal::SIGKILL)
    })
}

#[test]
fn by_stopping_the_engine() -> Result<()> {
    check(&[], |engine, client, _armed| {
        std::mem::forget(client);
        signal(engine.pid(), Signal::SIGSTOP)
    })
}
