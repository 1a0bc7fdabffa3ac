//! The result: kernels by groups of tests, and after it whatever needs words.

use std::fmt::Write as _;

use crate::{
    test::Counts,
    vm::{
        groups::{GROUPS, Group},
        guest::Ended,
        kernels::Kernel,
        report::Outcome,
        variants::PLAIN,
    },
};

/// One guest.
#[derive(Debug)]
pub(crate) struct Row {
    name: String,
    version: String,
    state: State,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum State {
    /// Its kernel could not be had, for this reason.
    NotRun(String),
    /// It could not be started, or not be listened to.
    Broke(String),
    Ran(Ended),
}

impl Row {
    pub(crate) fn new(release: &str, variant: &str, kernel: Option<Kernel>, state: State) -> Self {
        let name = if variant == PLAIN.name {
            release.to_owned()
        } else {
            format!("{release} {variant}")
        };
        let version = kernel.map_or_else(String::new, |kernel| kernel.version);
        Self {
            name,
            version,
            state,
        }
    }

    /// What to say when it is over.
    pub(crate) fn line(&self) -> String {
        let name = &self.name;
        match &self.state {
            State::NotRun(reason) => format!("not run: {name}: {reason}"),
            State::Broke(error) => format!("{name} broke: {error}"),
            State::Ran(ended) => {
                let took = ended.took.as_secs_f64();
                format!("{name}: {}, {took:.0} s ({})", self.counts(), self.version)
            }
        }
    }

    /// What it counts for.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        match &self.state {
            State::NotRun(_) => counts.skipped = 1,
            State::Broke(_) => counts.failed = 1,
            State::Ran(ended) => {
                for group in GROUPS {
                    counts.merge(self.outcome(group).counts());
                }
                counts.failed += u32::from(ended.trouble.is_some());
            }
        }
        counts
    }

    fn outcome(&self, group: &Group) -> Cell {
        let State::Ran(ended) = &self.state else {
            return Cell::Nothing;
        };
        let found = ended
            .report
            .outcomes
            .iter()
            .find(|(name, _)| name == group.name);
        match found {
            Some((_, Outcome::Ran(counts))) => Cell::Ran(group.complete(*counts)),
            Some((_, Outcome::Refused(_))) => Cell::Refused,
            None => Cell::Missing,
        }
    }

    /// Failures and trouble, with the words that explain them.
    fn words(&self) -> String {
        let name = &self.name;
        match &self.state {
            State::NotRun(reason) => format!("not run: {name}: {reason}\n"),
            State::Broke(error) => format!("{name} broke: {error}\n"),
            State::Ran(ended) => {
                let mut words = String::new();
                let report = &ended.report;
                for (group, outcome) in &report.outcomes {
                    if let Outcome::Refused(reason) = outcome {
                        line(&mut words, &format!("refused: {name}: {group}: {reason}"));
                    }
                }
                if !report.failures.is_empty() {
                    line(&mut words, &format!("failed: {name}: {}", report.failures));
                }
                if let Some(trouble) = &ended.trouble {
                    line(&mut words, &format!("trouble: {name}:\n{trouble}"));
                }
                words
            }
        }
    }
}

/// One place of the table.
#[derive(Clone, Copy, Debug)]
enum Cell {
    /// There was no guest.
    Nothing,
    /// The guest did not come to it.
    Missing,
    Refused,
    Ran(Counts),
}

impl Cell {
    fn counts(self) -> Counts {
        let (failed, skipped) = match self {
            Self::Nothing => (0, 0),
            Self::Missing => (1, 0),
            Self::Refused => (0, 1),
            Self::Ran(counts) => return counts,
        };
        Counts {
            failed,
            skipped,
            ..Counts::default()
        }
    }

    fn word(self) -> String {
        match self {
            Self::Nothing => "not run".to_owned(),
            Self::Missing => "MISSING".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::Ran(counts) if counts.failed == 0 => format!("{}", counts.passed),
            Self::Ran(counts) => {
                let all = counts.passed + counts.failed;
                format!("{}/{all} FAILED", counts.failed)
            }
        }
    }
}

/// Prints it and returns the sum.
pub(crate) fn show(rows: &[Row]) -> Counts {
    println!("\n{}", text(rows));
    for row in rows {
        print!("{}", row.words());
    }
    let mut counts = Counts::default();
    rows.iter().for_each(|row| counts.merge(row.counts()));
    counts
}

/// The table, transposed, as there are more groups than fit beside each other.
fn text(rows: &[Row]) -> String {
    let width = |row: &Row| row.name.len().max("not run".len());
    let mut text = format!("{:<15}", "passed tests");
    for row in rows {
        cell(&mut text, &row.name, width(row));
    }
    for group in GROUPS {
        line(&mut text, "");
        cell(&mut text, group.name, 15);
        for row in rows {
            cell(&mut text, &row.outcome(group).word(), width(row));
        }
    }
    line(&mut text, "");
    text
}

fn cell(text: &mut String, word: &str, width: usize) {
    text.push_str(word);
    let missing = width.saturating_sub(word.len());
    text.extend(std::iter::repeat_n(' ', missing + 2));
}

fn line(text: &mut String, words: &str) {
    // Writing to a string does not fail.
    let written = writeln!(text, "{words}");
    debug_assert!(written.is_ok());
}
