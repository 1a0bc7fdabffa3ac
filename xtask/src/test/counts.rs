//! How many tests passed: read from what the runners print.

use std::fmt;

/// Results of any number of tests.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl Counts {
    /// Counts one check.
    pub(crate) fn add(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// The sum of every summary line of libtest and nextest in their output.
    pub(crate) fn heard(text: &str) -> Self {
        let mut counts = Self::default();
        for line in text.lines() {
            let line = plain(line);
            let Some(results) = results(&line) else {
                continue;
            };
            for part in results.split([',', ';', '(', ')']) {
                counts.read(part.trim());
            }
        }
        counts
    }

    /// Reads a part such as `3 passed` or `1 timed out`.
    fn read(&mut self, part: &str) {
        let Some((number, word)) = part.split_once(' ') else {
            return;
        };
        let Ok(number) = number.parse::<u32>() else {
            return;
        };
        match word {
            "passed" => self.passed += number,
            "failed" | "timed out" | "exec failed" => self.failed += number,
            "skipped" | "ignored" => self.skipped += number,
            _ => {}
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.skipped {
            0 => Ok(()),
            skipped => write!(f, ", {skipped} skipped"),
        }
    }
}

/// The part of a summary line that counts; nothing for any other line.
fn results(line: &str) -> Option<&str> {
    if let Some(libtest) = line.strip_prefix("test result: ") {
        return libtest.split_once(". ").map(|(_, results)| results);
    }
    let nextest = line.trim_start().strip_prefix("Summary [")?;
    let (_, results) = nextest.split_once(" run: ")?;
    Some(results)
}

/// The line without terminal colours.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.find(|c: char| c.is_ascii_alphabetic());
        text.push_str(rest.map_or("", |end| &part[end + 1..]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Counts;

    fn check(text: &str, passed: u32, failed: u32, skipped: u32) {
        let expected = Counts {
            passed,
            failed,
            skipped,
        };
        assert_eq!(Counts::heard(text), expected, "{text}");
    }

    #[test]
    fn libtest_summaries_are_added_up() {
        let line = |passed, failed, ignored| {
            format!(
                "test result: ok. {passed} passed; {failed} failed; {ignored} ignored; \
                 0 measured; 7 filtered out; finished in 0.00s\n"
            )
        };
        check(
            &(line(3, 1, 0) + "noise 4 passed\n" + &line(2, 0, 5)),
            5,
            1,
            5,
        );
    }

    #[test]
    fn nextest_summaries_count_timeouts_as_failures() {
        check(
            "     Summary [   0.123s] 9 tests run: 6 passed (1 leaky), 2 failed, 1 timed out, 4 skipped",
            6,
            3,
            4,
        );
        check("Summary [ 0.004s] 1 test run: 1 passed, 0 skipped", 1, 0, 0);
        check(
            "Summary [ 0.004s] 2/9 tests run: 1 passed, 1 failed, 0 skipped",
            1,
            1,
            0,
        );
    }

    #[test]
    fn colours_do_not_hide_a_summary() {
        check(
            "test result: \u{1b}[32mok\u{1b}[m. 2 passed; 0 failed; 0 ignored",
            2,
            0,
            0,
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        check(
            "3 passed, 0 failed\nrunning 3 tests\ntest a ... ok",
            0,
            0,
            0,
        );
    }

    #[test]
    fn the_summary_names_skipped_only_when_there_are_any() {
        let mut counts = Counts::heard("test result: ok. 2 passed; 1 failed; 0 ignored");
        assert_eq!(counts.to_string(), "2 passed, 1 failed");
        counts.skipped = 3;
        assert_eq!(counts.to_string(), "2 passed, 1 failed, 3 skipped");
    }
}
