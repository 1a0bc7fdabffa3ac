//! The result: kernels by groups of tests, and after it whatever needs words.

use std::fmt::Write as _;

use crate::{
    test::Counts,
    vm::{
        groups::{GROUPS, Group},
        guest::Ended,
        kernels::RELEASES,
        machines::{Machine, PLAIN},
        report::Outcome,
    },
};

/// One guest.
#[derive(Debug)]
pub(crate) struct Row {
    machine: Machine,
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
    pub(crate) fn new(machine: Machine, version: String, state: State) -> Self {
        Self {
            machine,
            version,
            state,
        }
    }

    /// Kernels by age, then their variants.
    pub(crate) fn place(&self) -> (bool, Option<usize>, &'static str) {
        let Machine { release, variant } = self.machine;
        let age = RELEASES.iter().position(|it| it.name == release.name);
        (variant != PLAIN, age, variant.name)
    }

    /// What to say when it is over.
    pub(crate) fn line(&self) -> String {
        let name = self.machine.name();
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
            return Cell::NotRun;
        };
        if !group.is_for(self.machine) {
            return Cell::NotChosen;
        }
        let found = ended
            .report
            .outcomes
            .iter()
            .find(|(name, _)| name == group.name);
        match found {
            Some((_, Outcome::Ran(counts))) => Cell::Ran(group.complete(self.machine, *counts)),
            Some((_, Outcome::Refused(_))) => Cell::Refused,
            None => Cell::Missing,
        }
    }

    /// Failures and trouble, with the words that explain them.
    fn words(&self) -> String {
        let name = self.machine.name();
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
    NotRun,
    /// This variant makes no difference to it.
    NotChosen,
    /// The guest did not come to it.
    Missing,
    Refused,
    Ran(Counts),
}

impl Cell {
    fn counts(self) -> Counts {
        let (failed, skipped) = match self {
            Self::NotRun | Self::NotChosen => (0, 0),
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
            Self::NotRun => "not run".to_owned(),
            Self::NotChosen => "-".to_owned(),
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
    let names: Vec<_> = rows.iter().map(|row| row.machine.name()).collect();
    let mut lines = vec![vec!["passed".to_owned()]];
    lines[0].extend(names);
    for group in GROUPS {
        let words = rows.iter().map(|row| row.outcome(group).word());
        lines.push([group.name.to_owned()].into_iter().chain(words).collect());
    }
    let columns = 0..=rows.len();
    let widths: Vec<_> = columns
        .map(|column| lines.iter().map(|line| line[column].len()).max())
        .collect();
    let mut text = String::new();
    for words in &lines {
        for (word, width) in words.iter().zip(&widths) {
            cell(&mut text, word, width.unwrap_or_default());
        }
        line(&mut text, "");
    }
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
