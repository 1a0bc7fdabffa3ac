//! How long somebody sleeps on who has nobody to wake him.
//!
//! A process asks for its session, and `syscall.delay` lets the call take thirty seconds longer. While it
//! sleeps, SIGKILL ends the engine, or the process that holds the beds, or the sleeper itself: reported is
//! the time from the signal until its call has come back, or until its parent sees it ended. There is no
//! peer.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_user::clock::monotonic_ns;
use injector_user::sys::poll;
use nix::sys::signal::Signal;

use super::row::{Row, Rows};
use super::statistics::{median, microseconds, percentile};
use super::subject::{Habit, Subject};
use super::suite::Effort;
use crate::client::params;
use crate::engine::{Engine, signal};
use crate::wait_until;

const ROUNDS: usize = 25;
const AIM_MS: f64 = 50.0;

/// Longer than anybody takes to fall asleep.
const PATIENCE: Duration = Duration::from_secs(20);
/// From the decision that a caller sleeps until it does.
const FALLING_ASLEEP: Duration = Duration::from_millis(50);
/// By then it has been woken.
const WATCH: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug)]
enum Killed {
    Engine,
    Holder,
    Sleeper,
}

pub(super) fn measure(effort: Effort) -> Result<Rows> {
    let mut rows = Rows::new();
    for (killed, whose) in [
        (Killed::Engine, "the engine"),
        (Killed::Holder, "who holds the beds"),
        (Killed::Sleeper, "the sleeper"),
    ] {
        effort.progress(whose);
        let rounds = 0..effort.rounds(ROUNDS);
        let took: Vec<f64> = rounds.map(|_| round(killed)).collect::<Result<_>>()?;
        let metric = format!("SIGKILL of {whose} to the end of a sleep, p99");
        let row = Row::new(metric, "ms", percentile(&took, 0.99), took.len());
        rows.push(
            row.at_most(AIM_MS)
                .note(format!("median {:.2} ms", median(&took))),
        );
    }
    Ok(rows)
}

/// In ms.
fn round(killed: Killed) -> Result<f64> {
    let mut engine = Engine::start()?;
    let mut client = engine.client()?;
    let subject = Subject::start(Habit::Asks)?;
    let target = format!("pid:{}", subject.pid());
    let given = params([
        ("target", target.as_str()),
        ("syscalls", "getsid"),
        ("moment", "after"),
        ("latency", "30s"),
        ("cap", "30s"),
        ("duration", "5m"),
    ]);
    let armed = client.arm(Kind::SyscallDelay, &given)?;
    wait_until("it sleeps", PATIENCE, || {
        let report = client.snapshot(&armed.fault);
        report.is_ok_and(|report| report.counters.injected > 0)
    })?;
    poll::wait_readable([], FALLING_ASLEEP)?;
    let pid = match killed {
        Killed::Engine => engine.pid(),
        Killed::Holder => engine.holder()?,
        Killed::Sleeper => subject.pid(),
    };
    let cause_ns = monotonic_ns();
    signal(pid, Signal::SIGKILL)?;
    let ended_ns = if matches!(killed, Killed::Sleeper) {
        subject.await_end()?;
        monotonic_ns()
    } else {
        poll::wait_readable([], WATCH)?;
        let felt = subject.finish()?;
        let mut slept = felt.iter().filter(|one| one.begun_ns < cause_ns);
        let last = slept.next_back().context("it made calls")?;
        last.done_ns.context("its call came back")?
    };
    ensure!(ended_ns > cause_ns, "nobody slept");
    if matches!(killed, Killed::Engine) {
        engine.await_end()?;
    } else {
        client.stop_one(&armed)?;
        engine.end()?;
    }
    Ok(microseconds(cause_ns, ended_ns) / 1e3)
}
