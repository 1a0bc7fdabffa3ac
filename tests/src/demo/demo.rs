//! What every act uses: the stage, the program, somebody to tell, and the book.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use injector_core::report::Check;
use injector_user::clock::monotonic_ns;
use injector_user::protocol::{EngineStatus, FaultReport};

use super::book::Book;
use super::client::{Lane, Operation};
use super::containers::Containers;
use super::figures::{Figures, Ms, SLOW_MS};
use super::interrupt::Interrupts;
use super::narrator::Narrator;
use super::stage::Stage;
use super::tape::{Span, Tape};
use super::temblor::{Process, Temblor, inject, typed};
use crate::{Difference, HostSnapshot};

/// One performance. Fields go in this order: the engine lets go before the stage does.
#[derive(Debug)]
pub(super) struct Demo {
    pub(super) temblor: Temblor,
    /// The second stage, while it is used.
    pub(super) containers: Option<Containers>,
    pub(super) stage: Stage,
    pub(super) narrator: Narrator,
    pub(super) interrupts: Interrupts,
    pub(super) book: Book,
    /// The host and the stages before the first fault, without an engine.
    pub(super) calm: HostSnapshot,
    /// Where the report goes.
    pub(super) out: PathBuf,
    /// Since when the client that suffers has been well.
    pub(super) well_ns: u64,
    /// Which act is on.
    pub(super) act: &'static str,
}

/// How long the clients are watched undisturbed before each fault, to compare with.
const REST: Duration = Duration::from_millis(1_200);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);
/// How far back the figures of the progress line go.
const LATELY_NS: u64 = 500_000_000;
/// A client is well when most operations of such a stretch were quick, and enough there were.
const WELL_NS: u64 = 200_000_000;
const WELL_OPERATIONS: usize = 15;
/// Longer than TCP waits before it tries again what was lost several times in a row.
const PATIENCE: Duration = Duration::from_secs(10);
/// Parts of the host that an engine without faults does not touch.
const NETWORK: [&str; 8] = [
    "interfaces",
    "routes",
    "rules",
    "qdiscs",
    "filters",
    "nft",
    "iptables-save",
    "sysctls",
];

impl Demo {
    /// Watches the clients for so long.
    pub(super) fn watch(&self, time: Duration) -> Result<()> {
        let until_ns = monotonic_ns() + nanos(time);
        while monotonic_ns() < until_ns {
            self.look()?;
        }
        Ok(())
    }

    /// Watches the clients until a condition holds, and says how long that took.
    pub(super) fn watch_until(
        &self,
        what: &str,
        deadline: Duration,
        mut condition: impl FnMut() -> bool,
    ) -> Result<Duration> {
        let begun_ns = monotonic_ns();
        loop {
            let passed = Duration::from_nanos(monotonic_ns() - begun_ns);
            if condition() {
                return Ok(passed);
            }
            if passed > deadline {
                bail!("waited {deadline:?} in vain until {what}");
            }
            self.look()?;
        }
    }

    /// Watches the clients until they have been undisturbed long enough, and returns that time.
    pub(super) fn rest(&self) -> Result<Span> {
        let from_ns = self.well_ns;
        let until_ns = from_ns + nanos(REST);
        self.watch(Duration::from_nanos(
            until_ns.saturating_sub(monotonic_ns()),
        ))?;
        let to_ns = monotonic_ns();
        Ok(Span { from_ns, to_ns })
    }

    /// Starts `temblor inject`, and shows what would be typed for it.
    pub(super) fn inject(&self, fault: &str, parameters: &[(&str, &str)]) -> Result<Process> {
        self.inject_command(fault, parameters, &[])
    }

    /// The same for a command that it starts.
    pub(super) fn inject_command(
        &self,
        fault: &str,
        parameters: &[(&str, &str)],
        command: &[String],
    ) -> Result<Process> {
        let mut words = inject(fault, parameters);
        if !command.is_empty() {
            words.push("--".to_owned());
            words.extend_from_slice(command);
        }
        self.narrator.command(typed(&words));
        let docker = self.containers.as_ref();
        let variables: Vec<_> = docker.map(Containers::variable).into_iter().collect();
        self.temblor.start(&words, &variables)
    }

    /// Has the kernel tell what a target feels, until it is interrupted.
    pub(super) fn observe(&self, target: &str, signals: &str) -> Result<Process> {
        let words = ["observe", target, "--signals", signals, "--json"];
        let words: Vec<String> = words.map(str::to_owned).into();
        self.narrator.command(typed(&words));
        let longest = ["--duration", "1m"].map(str::to_owned);
        let mut process = self.temblor.start(&[words, longest.into()].concat(), &[])?;
        self.watch_until("it is observed", PATIENCE, || {
            let status = self.temblor.status();
            let is_observed = |(engine, _): (EngineStatus, _)| engine.observing > 0;
            process.has_ended() || status.is_ok_and(|status| status.is_some_and(is_observed))
        })?;
        ensure!(!process.has_ended(), "{}", process.complaint());
        Ok(process)
    }

    /// Watches the clients until an injection has ended by itself, and puts its report down.
    pub(super) fn play(&mut self, mut process: Process, longest: Duration) -> Result<FaultReport> {
        self.watch_until("the injection has ended", longest, || process.has_ended())?;
        let report = process.ending()?.report()?;
        self.book.fault(self.act, &report);
        Ok(report)
    }

    /// Waits until client A is well again, and every connection of a lane has done something since.
    pub(super) fn recover(&mut self, lane: Lane, since_ns: u64) -> Result<Recovery> {
        let tape = self.stage.a.tape().clone();
        self.recover_of(&tape, lane, since_ns)
    }

    /// The same for whoever has this tape.
    pub(super) fn recover_of(
        &mut self,
        tape: &Tape,
        lane: Lane,
        since_ns: u64,
    ) -> Result<Recovery> {
        let mut well_ns = None;
        let found = self.watch_until("the client is well again", PATIENCE, || {
            well_ns = well_since(tape, lane, since_ns);
            well_ns.is_some() && tape.is_complete(lane, since_ns)
        });
        let waiting = tape.under_way(lane, since_ns);
        let last_ns = waiting.iter().map(Operation::end_ns).max();
        let after = |at_ns: u64| Duration::from_nanos(at_ns.saturating_sub(since_ns));
        self.well_ns = monotonic_ns();
        found?;
        Ok(Recovery {
            new: after(well_ns.unwrap_or(since_ns)),
            last: after(last_ns.unwrap_or(since_ns)),
        })
    }

    /// Puts down and tells a finding.
    pub(super) fn check(&mut self, name: &str, passed: bool, detail: String) {
        let check = Check {
            about: Some(self.act.to_owned()),
            name: name.to_owned(),
            passed,
            detail,
        };
        self.narrator.check(&check);
        self.book.checks.push(check);
    }

    /// Client B did the same as before: most of its operations took as long, and none failed.
    pub(super) fn check_untouched(&mut self, lane: Lane, before: Span, during: Span) {
        let tape = self.stage.b.tape().clone();
        self.check_same("client B noticed nothing", (&tape, lane), before, during);
    }

    /// What client A does besides is as before.
    pub(super) fn check_besides(&mut self, name: &str, lane: Lane, before: Span, during: Span) {
        let tape = self.stage.a.tape().clone();
        self.check_same(name, (&tape, lane), before, during);
    }

    /// A lane of somebody's is as before.
    pub(super) fn check_same(&mut self, name: &str, of: (&Tape, Lane), before: Span, during: Span) {
        let (tape, lane) = of;
        let (before, during) = (tape.figures(lane, before), tape.figures(lane, during));
        let detail = format!(
            "median {} before, {} during; 95 % under {}; {} errors in {} operations",
            Ms(before.median),
            Ms(during.median),
            Ms(during.p95),
            during.errors,
            during.operations,
        );
        self.check(name, is_same(&before, &during), detail);
    }

    /// Nothing is armed or attached, and the network of host and stage is as it was.
    pub(super) fn check_left(&mut self, back: impl fmt::Display) -> Result<()> {
        let status = self.temblor.status()?;
        let (attached, armed) =
            status.map_or((0, 0), |(engine, faults)| (engine.attached, faults.len()));
        let undo = self.temblor.undo_entries();
        let changed = self
            .calm
            .only(&NETWORK)
            .difference(&self.look_at_host()?.only(&NETWORK));
        let passed = attached == 0 && armed == 0 && undo == 0 && changed.is_empty();
        let detail = if passed {
            format!("no program attached, undo log empty, network as before; {back}")
        } else {
            format!(
                "{attached} programs attached, {armed} faults, {undo} entries to undo; changed: {}",
                in_one_line(&changed)
            )
        };
        self.check("nothing was left", passed, detail);
        Ok(())
    }

    pub(super) fn look_at_host(&self) -> Result<HostSnapshot> {
        let mut names = self.stage.world.names();
        names.extend(self.containers.as_ref().map(Containers::netns));
        HostSnapshot::take(&names)
    }

    /// Takes for calm what is there without an engine now.
    pub(super) fn calm_down(&mut self) -> Result<()> {
        self.temblor.leave()?;
        self.calm = self.look_at_host()?;
        Ok(())
    }

    fn look(&self) -> Result<()> {
        self.narrator.progress(|| self.lately());
        self.interrupts.wait(LOOK)
    }

    fn lately(&self) -> String {
        let to_ns = monotonic_ns();
        let span = Span {
            from_ns: to_ns.saturating_sub(LATELY_NS),
            to_ns,
        };
        let of = |tape: &Tape, lane| {
            let figures = tape.ended_in(lane, span);
            if figures.operations == 0 {
                "no answer".to_owned()
            } else if figures.errors > 0 {
                format!("{}, {} errors", Ms(figures.median), figures.errors)
            } else {
                Ms(figures.median).to_string()
            }
        };
        let passed = self.book.ms(to_ns) / 1e3;
        if let Some(containers) = &self.containers {
            let (redis, sibling) = (Lane::Primary, Lane::Replica);
            let tape = containers.tape();
            let (redis, sibling) = (of(tape, redis), of(tape, sibling));
            return format!("{passed:5.1} s   Redis {redis}   its sibling {sibling}");
        }
        let (a, b) = (self.stage.a.tape(), self.stage.b.tape());
        format!(
            "{passed:5.1} s   A {}   A, new connections {}   A, replica {}   B {}",
            of(a, Lane::Primary),
            of(a, Lane::Connect),
            of(a, Lane::Replica),
            of(b, Lane::Primary),
        )
    }
}

/// How soon after a fault client A was well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recovery {
    /// Until its new operations took as long as ever.
    pub(super) new: Duration,
    /// Until the last operation had ended that had begun before.
    pub(super) last: Duration,
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { new, last } = *self;
        if new.is_zero() {
            f.write_str("A's new operations normal at once")?;
        } else {
            write!(f, "A's new operations normal after {}", of(new))?;
        }
        if last.is_zero() {
            return Ok(());
        }
        write!(f, ", the last one that waited done after {}", of(last))
    }
}

/// What chance adds to a client's median.
const UNTOUCHED_MS: f64 = 1.0;
/// And to the share of its slow operations.
const UNTOUCHED_SHARE: f64 = 0.05;

/// The first moment from which on most operations of a lane were quick.
fn well_since(tape: &Tape, lane: Lane, since_ns: u64) -> Option<u64> {
    let mut from_ns = since_ns;
    while from_ns + WELL_NS <= monotonic_ns() {
        let to_ns = from_ns + WELL_NS;
        let figures = tape.figures(lane, Span { from_ns, to_ns });
        let quick = figures.errors == 0 && figures.p95 < SLOW_MS;
        if quick && figures.operations >= WELL_OPERATIONS {
            return Some(from_ns);
        }
        from_ns += WELL_NS / 20;
    }
    None
}

/// Whether a client that shares two processors with much else still does the same. A fault of the
/// demo costs its own client 15 ms and more, or three operations in ten.
fn is_same(before: &Figures, during: &Figures) -> bool {
    during.operations > 0
        && during.errors == 0
        && (during.median - before.median).abs() < UNTOUCHED_MS
        && during.slow_share() < before.slow_share() + UNTOUCHED_SHARE
}

/// What has changed, but for kernel programs and maps that have gone: ours were not there before,
/// and the demo ends nobody else's.
pub(super) fn changes(before: &HostSnapshot, now: &HostSnapshot) -> Difference {
    let mut changes = before.difference(now);
    let others = ["programs: ", "maps: "];
    changes
        .removed
        .retain(|line| !others.iter().any(|about| line.starts_with(about)));
    changes
}

/// A difference where there is room for the beginning of it only.
pub(super) fn in_one_line(difference: &Difference) -> String {
    const MOST: usize = 6;
    let text = difference.to_string();
    let shown: Vec<&str> = text.lines().take(MOST).collect();
    match text.lines().count().saturating_sub(MOST) {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}

/// A duration as figures are shown.
pub(super) fn of(time: Duration) -> Ms {
    Ms(time.as_secs_f64() * 1e3)
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
