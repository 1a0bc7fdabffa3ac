//! `syscall.error` for a command: a Redis that Temblor starts, and whose disk is full before long.
//!
//! It promises with `appendfsync always` to have on the disk what it has acknowledged. Its documentation
//! says what it does when it cannot: it ends. So nothing may be missing when it is started once more.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use injector_user::clock::monotonic_ns;
use injector_user::protocol::FaultReport;

use crate::demo::client::Lane;
use crate::demo::demo::Demo;
use crate::demo::tape::Span;
use crate::software::{Policy, Redis};

/// So many writes to its file succeed, and no more.
const WRITES: u64 = 100;
const LONGEST: Duration = Duration::from_secs(30);

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let before = demo.rest()?;
    let redis = Redis::make(Policy::Always)?;
    let journal = redis.journal()?.display().to_string();
    let when = format!("{}+", WRITES + 1);
    let given = [
        ("syscalls", "write"),
        ("errno", "ENOSPC"),
        ("path", &journal),
        ("when", &when),
        ("duration", "20s"),
    ];
    let process = demo.inject_command("syscall.error", &given, &redis.words())?;
    let (kept, refusal) = Redis::write(&mut redis.connect()?, 1..=1_000);
    let report = demo.play(process, LONGEST)?;
    demo.recover(Lane::Primary, monotonic_ns())?;
    check_said(demo, &redis, refusal.is_some());
    check_counted(demo, &report);
    check_kept(demo, &redis, &kept);
    let during = Span {
        from_ns: before.to_ns,
        to_ns: report.window.ended_ns,
    };
    demo.check_untouched(Lane::Primary, before, during);
    demo.check_left("that Redis has ended by itself")
}

fn check_said(demo: &mut Demo, redis: &Redis, was_refused: bool) {
    let log = redis.log();
    let reason = log.lines().find(|line| line.contains("Can't recover"));
    let reason = reason.map(|line| line.split(" # ").last().unwrap_or(line));
    demo.check(
        "Redis ended rather than break its promise",
        reason.is_some() && was_refused,
        reason.unwrap_or(&log).trim().to_owned(),
    );
}

fn check_counted(demo: &mut Demo, report: &FaultReport) {
    let counted = &report.counters;
    let passed = counted.identity_holds() && counted.outside == WRITES && counted.injected >= 1;
    let detail = format!(
        "{} writes to its file matched: {} before number {}, {} failed",
        counted.matched,
        counted.outside,
        WRITES + 1,
        counted.injected
    );
    demo.check("the kernel's counters say the same", passed, detail);
}

fn check_kept(demo: &mut Demo, redis: &Redis, kept: &BTreeSet<u32>) {
    let found = redis.check_kept(kept);
    let detail = match &found {
        Ok(()) => format!(
            "started again, it has {} keys of {}",
            kept.len(),
            kept.len()
        ),
        Err(error) => format!("{error:#}"),
    };
    let name = "what it had acknowledged is there";
    demo.check(name, found.is_ok() && !kept.is_empty(), detail);
}
