//! Runs the rings and sums them up.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum as _};

use crate::{
    exec::say,
    setup::{self, Purpose},
    test::{
        Counts,
        rings::{Outcome, Ring},
    },
    workspace::Workspace,
};

/// Set the machine up and run every test ring it can run.
///
/// The last line is the summary: `N passed, N failed`, and `, N skipped` when there are any.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  cargo xtask test\n  cargo xtask test pure tidy       two rings \
                  only\n  cargo xtask test host -- freeze  tests with `freeze` in their name"
)]
pub(crate) struct Arguments {
    /// Which rings; all when none is named.
    #[arg(value_enum)]
    rings: Vec<Ring>,
    /// Fail when a ring cannot run here.
    #[arg(long)]
    ci: bool,
    /// Arguments for the test runners, such as a part of a test's name.
    #[arg(last = true)]
    filters: Vec<String>,
}

/// One ring's line in the overview.
#[derive(Debug)]
struct Row {
    ring: Ring,
    outcome: Outcome,
    took: Duration,
}

/// Runs the rings and returns the exit code.
pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let workspace = Workspace::members()?;
    if let Err(error) = setup::prepare(&workspace, Purpose::Test) {
        // Whoever reads only the last line must see that nothing was tested.
        say(format_args!("setup failed: {error:#}"));
        println!("{}", failure());
        return Ok(1);
    }
    let rings = match &arguments.rings[..] {
        [] => Ring::value_variants(),
        named => named,
    };
    let mut rows = Vec::new();
    for &ring in rings {
        say(format_args!("ring {}", name(ring)));
        let begun = Instant::now();
        let outcome = ring.run(&workspace, &arguments.filters);
        let outcome = outcome.unwrap_or_else(|error| {
            // A ring that breaks must not keep the others from running.
            say(format_args!("ring {} broke: {error:#}", name(ring)));
            Outcome::Ran(failure())
        });
        let took = begun.elapsed();
        rows.push(Row {
            ring,
            outcome,
            took,
        });
    }
    Ok(summarize(&rows, arguments.ci))
}

fn summarize(rows: &[Row], ci: bool) -> u8 {
    println!();
    for row in rows {
        println!("{}", describe(row));
    }
    let total = total(rows, ci);
    println!();
    println!("{total}");
    u8::from(total.failed > 0)
}

fn describe(
    Row {
        ring,
        outcome,
        took,
    }: &Row,
) -> String {
    let result = match outcome {
        Outcome::Ran(counts) => counts.to_string(),
        Outcome::NotRun(reason) => format!("not run: {reason}"),
    };
    format!("{:<6} {:>7.1} s  {result}", name(*ring), took.as_secs_f64())
}

fn total(rows: &[Row], ci: bool) -> Counts {
    let mut total = Counts::default();
    for row in rows {
        total.merge(match &row.outcome {
            Outcome::Ran(counts) => *counts,
            Outcome::NotRun(_) if ci => failure(),
            Outcome::NotRun(_) => Counts {
                skipped: 1,
                ..Counts::default()
            },
        });
    }
    total
}

fn failure() -> Counts {
    Counts {
        failed: 1,
        ..Counts::default()
    }
}

fn name(ring: Ring) -> String {
    let value = ring.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Counts, Outcome, Ring, Row, describe, total};

    fn row(outcome: Outcome) -> Row {
        Row {
            ring: Ring::Host,
            outcome,
            took: Duration::from_millis(1250),
        }
    }

    fn counts(passed: u32, failed: u32, skipped: u32) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn a_ring_that_could_not_run_fails_ci_and_is_skipped_elsewhere() {
        let rows = [
            row(Outcome::Ran(counts(3, 0, 0))),
            row(Outcome::NotRun("no root".to_owned())),
        ];
        assert_eq!(total(&rows, true), counts(3, 1, 0));
        assert_eq!(total(&rows, false), counts(3, 0, 1));
    }

    #[test]
    fn the_overview_says_why_a_ring_did_not_run() {
        let line = describe(&row(Outcome::NotRun("it needs root".to_owned())));
        assert_eq!(line, "host       1.2 s  not run: it needs root");
    }
}
