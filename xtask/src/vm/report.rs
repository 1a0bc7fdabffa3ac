//! What became of a guest, read from what it says.

use std::{collections::BTreeMap, mem};

use crate::test::Counts;

/// How the lines of a guest's first process begin.
const MARK: &str = "temblor-guest: ";

/// One group of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ran(Counts),
    /// The kernel does not support it, as the doctor says, for this reason.
    Refused(String),
}

/// Everything that it said, as far as it got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Outcomes by group, in the order in which they came.
    pub(crate) outcomes: Vec<(String, Outcome)>,
    /// What it had no other place for: mounts and modules that were refused.
    pub(crate) notes: Vec<String>,
    /// The doctor's words as JSON, if it was asked.
    pub(crate) doctor: Option<String>,
    /// What was said in each group.
    pub(crate) words: BTreeMap<String, String>,
    /// The group that it is at, or was when it ended.
    pub(crate) at: Option<String>,
    /// Whether it came to the end of its orders.
    pub(crate) ended: bool,
    /// Names and words of tests that failed.
    pub(crate) failures: String,
    said: String,
}

/// Whether a line is the doctor's words.
pub(crate) fn is_of_the_doctor(line: &str) -> bool {
    let marked = line.strip_prefix(MARK);
    marked.is_some_and(|marked| marked.starts_with("doctor "))
}

impl Report {
    /// Takes in one line.
    pub(crate) fn hear(&mut self, line: &str) {
        let Some(marked) = line.strip_prefix(MARK) else {
            self.said += line;
            self.said.push('\n');
            return;
        };
        let (word, rest) = marked.split_once(' ').unwrap_or((marked, ""));
        match word {
            "begin" => {
                self.at = Some(rest.to_owned());
                self.said.clear();
            }
            "done" => self.done(rest),
            "refused" => {
                let (group, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                let refused = Outcome::Refused(reason.to_owned());
                self.outcomes.push((group.to_owned(), refused));
            }
            "doctor" => self.doctor = Some(rest.to_owned()),
            "end" => self.ended = true,
            _ => self.notes.push(marked.to_owned()),
        }
    }

    /// The end of a group, such as `net.loss exit 0`.
    fn done(&mut self, rest: &str) {
        let (group, status) = rest.split_once(' ').unwrap_or((rest, ""));
        let said = mem::take(&mut self.said);
        let mut counts = Counts::heard(&said);
        // A runner that dies says nothing about its tests.
        if status != "exit 0" && counts.failed == 0 {
            counts.failed = 1;
        }
        if counts.failed > 0 {
            self.failures += [group, " ended with ", status, ":\n", &said]
                .concat()
                .as_str();
        }
        self.outcomes.push((group.to_owned(), Outcome::Ran(counts)));
        self.words.insert(group.to_owned(), said);
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Report};
    use crate::test::Counts;

    fn heard(lines: &[&str]) -> Report {
        let mut report = Report::default();
        for line in lines {
            report.hear(line);
        }
        report
    }

    fn ran(passed: u32, failed: u32) -> Outcome {
        let skipped = 0;
        Outcome::Ran(Counts {
            passed,
            failed,
            skipped,
        })
    }

    #[test]
    fn groups_are_counted_one_by_one() {
        let report = heard(&[
            "temblor-guest: begin net.loss",
            "test result: ok. 3 passed; 0 failed; 0 ignored",
            "temblor-guest: done net.loss exit 0",
            "temblor-guest: refused net.delay no TCX before 6.6",
            "temblor-guest: end",
        ]);
        let refused = Outcome::Refused("no TCX before 6.6".to_owned());
        let expected = [
            ("net.loss".to_owned(), ran(3, 0)),
            ("net.delay".to_owned(), refused),
        ];
        assert_eq!(report.outcomes, expected);
        assert!(report.ended);
    }

    #[test]
    fn a_group_that_dies_failed() {
        let report = heard(&[
            "temblor-guest: begin one",
            "temblor-guest: done one signal SIGSEGV",
        ]);
        assert_eq!(report.outcomes, [("one".to_owned(), ran(0, 1))]);
        assert!(report.failures.starts_with("one ended with signal SIGSEGV"));
    }

    #[test]
    fn where_a_guest_hangs_is_known() {
        let report = heard(&["temblor-guest: begin sock.error", "running 3 tests"]);
        assert_eq!(report.at.as_deref(), Some("sock.error"));
        assert!(!report.ended);
    }
}
