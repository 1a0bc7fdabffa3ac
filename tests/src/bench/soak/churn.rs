//! Processes that come and go in a target's cgroup.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use injector_user::sys::poll;

use super::actors::Over;
use super::tally::Tally;
use crate::cgroup::Cgroup;

/// Begets as many children as it is told, one after the other, and says so.
const SCRIPT: &str = "while read count; do \
                      while [ $count -gt 0 ]; do (:); count=$((count - 1)); done; \
                      printf x; done";
/// Between two orders.
const PERIOD: Duration = Duration::from_millis(50);
/// Orders that may be open: a cgroup that is frozen for long owes no more than this.
const OPEN: u64 = 20;

/// Has `per_second` processes born in this cgroup until it is over.
pub(super) fn churn(cgroup: &Cgroup, per_second: u64, over: &Over, tally: &Tally) -> Result<()> {
    let mut parent = Parent::start(cgroup)?;
    let count = per_second * u64::try_from(PERIOD.as_millis())? / 1_000;
    let order = format!("{count}\n");
    let (mut given, mut done) = (0, 0);
    let mut next = Instant::now();
    while !over.is() {
        if given < done + OPEN && Instant::now() >= next {
            parent.orders()?.write_all(order.as_bytes())?;
            given += 1;
            next += PERIOD;
        }
        let news = parent.news(next.saturating_duration_since(Instant::now()).min(PERIOD))?;
        done += news;
        tally.add("processes born in targets", news * count);
    }
    Ok(())
}

/// Killed with this value.
struct Parent {
    child: Child,
}

impl Parent {
    fn start(cgroup: &Cgroup) -> Result<Self> {
        let child = Command::new("sh")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let parent = Self { child };
        cgroup.enter(parent.child.id().cast_signed())?;
        Ok(parent)
    }

    fn orders(&mut self) -> Result<&mut std::process::ChildStdin> {
        self.child.stdin.as_mut().context("stdin is piped")
    }

    /// How many orders were carried out since, after at most `patience`.
    fn news(&mut self, patience: Duration) -> Result<u64> {
        use std::os::fd::AsFd as _;
        let out = self.child.stdout.as_mut().context("stdout is piped")?;
        let [ready] = poll::wait_readable([out.as_fd()], patience)?;
        if ready.is_empty() {
            return Ok(0);
        }
        let mut marks = [0; 64];
        Ok(out.read(&mut marks)? as u64)
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        // A frozen one dies when it is thawed, which is checked elsewhere.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}
