//! What is played in a guest, on a kernel where also `fsync` can be made to fail: `cargo xtask demo` boots
//! it, and starts this program in it.
//!
//! PostgreSQL's write-ahead log cannot be made durable, once. Its documentation says that it panics then,
//! and recovers; and nobody may miss what it has acknowledged.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::report::Check;
use injector_user::protocol::FaultReport;
use nix::sys::signal::Signal;
use nix::sys::utsname::uname;

use super::narrator::Narrator;
use super::temblor::{Temblor, inject, typed};
use crate::software::Postgres;
use crate::{HostSnapshot, tool, wait_until};

/// Longer than an engine takes to find out what the guest can do.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is found out.
struct Findings {
    narrator: Narrator,
    failed: bool,
}

/// Plays it, and says in the exit code whether all was well.
pub(super) fn perform() -> Result<ExitCode> {
    let mut findings = Findings {
        narrator: Narrator::new(),
        failed: false,
    };
    play(&mut findings)?;
    Ok(ExitCode::from(u8::from(findings.failed)))
}

impl Findings {
    fn check(&mut self, name: &str, passed: bool, detail: String) {
        self.failed |= !passed;
        self.narrator.check(&Check {
            about: None,
            name: name.to_owned(),
            passed,
            detail,
        });
    }
}

fn play(findings: &mut Findings) -> Result<()> {
    let kernel = uname()?.release().to_string_lossy().into_owned();
    let version = tool("postgres", &["--version"])?;
    let title = format!("PostgreSQL in a guest with Linux {kernel}: fsync fails, once");
    findings.narrator.title(title);
    findings.narrator.say("server", version.trim());
    let before = HostSnapshot::take(&[HostSnapshot::HERE])?;
    let postgres = Postgres::make()?;
    let running = postgres.start(&[])?;
    postgres.sql("CREATE TABLE kept (number integer)")?;
    let temblor = Temblor::new()?;
    let (kept, report) = suffer(findings, &temblor, &postgres)?;
    check_panic(findings, &postgres);
    check_counted(findings, &report);
    check_kept(findings, &postgres, &kept)?;
    running.stop(Signal::SIGINT)?;
    temblor.leave()?;
    let same = before.await_same();
    let left = same.as_ref().err().map(ToString::to_string);
    let detail = left.unwrap_or_else(|| "nothing differs: programs, cgroups, network".to_owned());
    findings.check("the guest is as it was", same.is_ok(), detail);
    Ok(())
}

/// Commits before and under the fault; what was acknowledged, and the fault's report.
fn suffer(
    findings: &Findings,
    temblor: &Temblor,
    postgres: &Postgres,
) -> Result<(BTreeSet<u32>, FaultReport)> {
    let (mut kept, _silence) = postgres.commit(1..=20)?;
    let wal = postgres.wal();
    let mut words = inject(
        "syscall.error",
        &[
            ("target", "user:nobody"),
            ("syscalls", "fsync,fdatasync"),
            ("errno", "EIO"),
            ("path", &wal),
            ("when", "11+"),
            ("max_hits", "1"),
            ("duration", "10m"),
        ],
    );
    words.push("--all".to_owned());
    findings.narrator.command(typed(&words));
    let process = temblor.start(&words, &[])?;
    wait_until("the fault is armed", PATIENCE, || {
        let status = temblor.status();
        status.is_ok_and(|found| found.is_some_and(|(_engine, faults)| !faults.is_empty()))
    })
    .with_context(|| process.complaint())?;
    let (more, error) = postgres.commit(21..=100)?;
    let words = error.lines().find(|line| line.contains("PANIC"));
    findings
        .narrator
        .say("client", words.unwrap_or(&error).trim());
    kept.extend(more);
    postgres.await_answer()?;
    temblor.stop()?;
    Ok((kept, process.ending()?.report()?))
}

fn check_panic(findings: &mut Findings, postgres: &Postgres) {
    let log = postgres.log();
    for (name, part) in [
        ("it panicked rather than acknowledge", "PANIC:"),
        ("it recovered by itself", "automatic recovery in progress"),
    ] {
        let line = log.lines().find(|line| line.contains(part));
        findings.check(name, line.is_some(), line.unwrap_or(&log).to_owned());
    }
}

fn check_counted(findings: &mut Findings, report: &FaultReport) {
    let counted = &report.counters;
    let detail = format!(
        "{} calls on its log matched, {} failed",
        counted.matched, counted.injected
    );
    let passed = counted.identity_holds() && counted.injected == 1;
    findings.check("the kernel's counters say the same", passed, detail);
}

fn check_kept(findings: &mut Findings, postgres: &Postgres, kept: &BTreeSet<u32>) -> Result<()> {
    let found = postgres.numbers()?;
    let there = kept.intersection(&found).count();
    let detail = format!("{there} of {}", kept.len());
    let name = "every commit that it acknowledged is there";
    findings.check(name, there == kept.len() && there > 20, detail);
    Ok(())
}
