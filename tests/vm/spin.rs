//! Callers that are kept busy for a moment: where nobody can sleep.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::plan::Mechanism;
use temblor_tests::{Armed, Caller, Client, params, wait_until};

use crate::ending::Ending;
use crate::stage::{DEADLINE, Stage};

const CALL: &str = "pwrite64";

/// As long as may be.
const LATENCY: Duration = Duration::from_micros(100);

fn arm(client: &mut Client, caller: &Caller, more: &[(&str, &str)]) -> Result<Armed> {
    let target = format!("pid:{}", caller.pid());
    let given = [
        ("target", target.as_str()),
        ("syscalls", CALL),
        ("latency", "100us"),
        ("backend", "spin"),
    ];
    client.arm(
        Kind::SyscallDelay,
        &params(given.into_iter().chain(more.iter().copied())),
    )
}

fn took(caller: &mut Caller) -> Result<Duration> {
    let begun = Instant::now();
    assert_eq!(caller.round()?[CALL], [0]);
    Ok(begun.elapsed())
}

#[test]
fn a_caller_is_kept_busy_for_as_long_as_was_asked_and_no_other() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let (mut caller, mut beside) = (Caller::start(1, &[CALL])?, Caller::start(1, &[CALL])?);
    let armed = arm(&mut client, &caller, &[("duration", "60s")])?;
    assert_eq!(armed.plan.mechanism, Mechanism::SpinAtHook);
    for _ in 0..5 {
        assert!(took(&mut caller)? >= LATENCY);
        took(&mut beside)?;
    }
    let report = client.stop_one(&armed)?;
    let asleep = report.asleep.context("it was kept busy")?;
    assert_eq!((report.counters.injected, asleep.callers), (5, 5));
    assert!(asleep.slept_us >= 100, "{asleep:?}");
    took(&mut caller)?;
    stage.close()
}

/// What keeps callers busy is a program at a function of the kernel: without one nothing does.
fn check(ending: Ending) -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let mut caller = Caller::start(1, &[CALL])?;
    let armed = arm(&mut client, &caller, &[("duration", ending.duration())])?;
    assert!(took(&mut caller)? >= LATENCY);
    let _kept = ending.bring(&stage.engine, client, &armed)?;
    match ending {
        Ending::Kill | Ending::Suspend => stage.engine.await_end()?,
        _alive => {
            let mut observer = stage.engine.client()?;
            wait_until("nothing is attached", DEADLINE, || {
                let status = observer.status();
                status.is_ok_and(|(status, _)| status.attached == 0)
            })?;
            took(&mut caller)?;
            let counters = observer.snapshot(&armed.fault)?.counters;
            assert_eq!((counters.matched, counters.injected), (1, 1));
        }
    }
    took(&mut caller)?;
    stage.close()
}

#[test]
fn nobody_is_kept_busy_when_it_is_over() -> Result<()> {
    let mut all = Ending::ALL.into_iter();
    all.try_for_each(|ending| check(ending).with_context(|| format!("{ending:?}")))
}
