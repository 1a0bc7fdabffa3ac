//! The result: kernels by groups of tests, and after it whatever needs words.

use std::iter;

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

    /// Refusals, failures and trouble, in words.
    fn words(&self) -> Vec<String> {
        let name = self.machine.name();
        let ended = match &self.state {
            State::NotRun(reason) => return vec![format!("not run: {name}: {reason}")],
            State::Broke(error) => return vec![format!("{name} broke: {error}")],
            State::Ran(ended) => ended,
        };
        let refused = ended.report.outcomes.iter().filter_map(|(group, outcome)| {
            let Outcome::Refused(reason) = outcome else {
                return None;
            };
            Some(format!("refused: {name}: {group}: {reason}"))
        });
        let failures = Some(&ended.report.failures).filter(|words| !words.is_empty());
        let failed = failures.map(|words| format!("failed: {name}: {words}"));
        let trouble = ended.trouble.iter();
        let trouble = trouble.map(|words| format!("trouble: {name}:\n{words}"));
        refused.chain(failed).chain(trouble).collect()
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
    let mut counts = Counts::default();
    for row in rows {
        for words in row.words() {
            println!("{words}");
        }
        counts.merge(row.counts());
    }
    counts
}

/// The table, transposed, as there are more groups than fit beside each other.
fn text(rows: &[Row]) -> String {
    let names = rows.iter().map(|row| row.machine.name());
    let mut lines = vec![line("passed", names)];
    for group in GROUPS {
        let words = rows.iter().map(|row| row.outcome(group).word());
        lines.push(line(group.name, words));
    }
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max();
    let widths: Vec<_> = (0..=rows.len()).map(width).collect();
    let mut text = String::new();
    for words in &lines {
        for (word, width) in words.iter().zip(&widths) {
            let missing = width.unwrap_or_default() - word.len();
            text.push_str(word);
            text.extend(iter::repeat_n(' ', missing + 2));
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

fn line(first: &str, rest: impl Iterator<Item = String>) -> Vec<String> {
    iter::once(first.to_owned()).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Ended, Row, State, text};
    use crate::{
        test::Counts,
        vm::{
            groups::GROUPS,
            machines::{Machine, machines},
            report::Report,
        },
    };

    fn machine(name: &str) -> Machine {
        let mut all = machines().into_iter();
        all.find(|machine| machine.name() == name).unwrap()
    }

    /// The table's words, however wide its columns are.
    fn words(rows: &[Row]) -> String {
        let text = text(rows);
        let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = text.lines().map(squeezed).collect();
        lines.join("\n") + "\n"
    }

    /// A guest whose doctor refuses everything that it is asked for.
    fn refusing(machine: Machine, reason: &str) -> Row {
        let mut report = Report::default();
        for group in GROUPS.iter().filter(|group| group.is_for(machine)) {
            report.hear(&format!("temblor-guest: refused {} {reason}", group.name));
        }
        let ended = Ended {
            report,
            took: Duration::from_secs(9),
            trouble: None,
        };
        Row::new(machine, "6.1.0".to_owned(), State::Ran(ended))
    }

    #[test]
    fn what_was_not_run_is_neither_passed_nor_failed() {
        let reason = "no package".to_owned();
        let row = Row::new(machine("6.18"), String::new(), State::NotRun(reason));
        let counts = Counts {
            skipped: 1,
            ..Counts::default()
        };
        assert_eq!(row.counts(), counts);
        assert_eq!(row.words(), ["not run: 6.18: no package"]);
        assert!(words(&[row]).contains("net.loss not run\n"));
    }

    #[test]
    fn a_refusal_is_told_with_its_reason() {
        let row = refusing(machine("6.12 lockdown"), "no hook");
        assert_eq!(row.counts().passed, 0);
        assert!(
            row.words()
                .contains(&"refused: 6.12 lockdown: sock.error: no hook".to_owned())
        );
        let text = words(&[row]);
        assert!(text.contains("sock.error refused\n"), "{text}");
        assert!(text.contains("process.signal -\n"), "{text}");
    }

    #[test]
    fn a_guest_that_does_not_come_to_a_group_failed_it() {
        let mut row = refusing(machine("6.1"), "no TCX");
        let State::Ran(ended) = &mut row.state else {
            panic!("it ran");
        };
        ended.report.outcomes.truncate(1);
        let groups = GROUPS.iter().filter(|it| it.is_for(machine("6.1")));
        let groups = u32::try_from(groups.count()).unwrap();
        assert_eq!(row.counts().failed, groups - 1);
        assert!(words(&[row]).contains("process.signal MISSING\n"));
    }
}
