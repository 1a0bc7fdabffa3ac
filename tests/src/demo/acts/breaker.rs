//! A whole experiment by `temblor run`: it shakes gently, then too hard, and its breaker ends it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::report::{Breach, Report, Verdict};
use injector_user::clock::monotonic_ns;

use crate::demo::client::Lane;
use crate::demo::demo::{Demo, nanos};
use crate::demo::figures::Ms;
use crate::demo::gauge::Gauge;
use crate::demo::shift::shifted;
use crate::demo::tape::Span;
use crate::demo::temblor::{Ending, typed};

/// The same file as in the examples.
const EXPERIMENT: &str = include_str!("../../../../deploy/examples/redis-breaker.yaml");
const LONGEST: Duration = Duration::from_secs(30);
/// What a trip may cost from the sample to a clean host, on a machine that does much else.
const MOST_MS: f64 = 500.0;
/// The documented exit code.
const TRIPPED: i32 = 4;

pub(super) fn play(demo: &mut Demo) -> Result<()> {
    let before = demo.rest()?;
    let begun_ns = monotonic_ns();
    let ending = run(demo)?;
    let during = Span {
        from_ns: begun_ns,
        to_ns: monotonic_ns(),
    };
    let report = demo.out.join("experiment/report.json");
    let report = fs::read_to_string(&report).with_context(|| report.display().to_string());
    let report: Report = serde_json::from_str(
        &report.with_context(|| format!("{} {}", ending.output, ending.complaint))?,
    )?;
    let since_ns = begun_ns.max(clean_ns(demo, &report, during.to_ns));
    let back = demo.recover(Lane::Primary, since_ns)?;
    let code = ending.code();
    demo.check(
        "the breaker ended the experiment",
        code == Some(TRIPPED) && report.verdict == Verdict::BreakerTripped,
        format!(
            "exit code {}, expected {TRIPPED}: {}",
            code.map_or_else(|| "none".to_owned(), |code| code.to_string()),
            report.reason
        ),
    );
    check_breach(demo, report.breach.as_ref());
    demo.check_untouched(Lane::Primary, before, during);
    demo.check_left(back)?;
    demo.book.experiment(report);
    Ok(())
}

/// Runs it, and passes on what it says.
fn run(demo: &Demo) -> Result<Ending> {
    let gauge = Gauge::serve(demo.stage.a.tape())?;
    let file = demo.out.join("redis-breaker.yaml");
    fs::write(&file, EXPERIMENT).with_context(|| file.display().to_string())?;
    let shown = |path: &Path| path.display().to_string();
    let words = ["run".to_owned(), shown(&file), "--out".to_owned()];
    let words: Vec<String> = words
        .into_iter()
        .chain([shown(&demo.out.join("experiment"))])
        .collect();
    let variables = [
        ("TARGET", demo.stage.client_a()?),
        ("LATENCY_URL", gauge.url()),
    ];
    for (name, value) in &variables {
        demo.narrator.command_setting(name, value);
    }
    demo.narrator.command(typed(&words));
    let mut process = demo.temblor.start(&words, &variables)?;
    let mut said = 0;
    demo.watch_until("the experiment has ended", LONGEST, || {
        let over = process.has_ended();
        let text = process.complaint();
        let whole: Vec<&str> = text.split_inclusive('\n').collect();
        for line in whole.iter().skip(said).filter(|line| line.ends_with('\n')) {
            demo.narrator.quote(line.trim_end());
            said += 1;
        }
        over
    })?;
    process.ending()
}

fn check_breach(demo: &mut Demo, breach: Option<&Breach>) {
    let took = |breach: &Breach| {
        Some((
            breach.killed_ms? - breach.at_ms,
            breach.clean_ms? - breach.at_ms,
        ))
    };
    let both = breach.and_then(took);
    let detail = match (breach, both) {
        (Some(breach), Some((killed, clean))) => format!(
            "{}; faults off {} after that sample, host clean {} after it",
            breach.reason,
            Ms(killed),
            Ms(clean)
        ),
        (Some(breach), None) => {
            format!("{}; it is not known when the host was clean", breach.reason)
        }
        (None, _) => "no breach".to_owned(),
    };
    let passed = both.is_some_and(|(_, clean)| clean < MOST_MS);
    demo.check("from breach to clean", passed, detail);
}

/// When the experiment's host was clean; else `otherwise`.
fn clean_ns(demo: &Demo, report: &Report, otherwise: u64) -> u64 {
    let clean_ms = report.breach.as_ref().and_then(|breach| breach.clean_ms);
    let since_start_ms =
        clean_ms.and_then(|clean_ms| Some(clean_ms + shifted(&demo.book, report)?));
    let after = since_start_ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok());
    after.map_or(otherwise, |after| demo.book.started_ns + nanos(after))
}
