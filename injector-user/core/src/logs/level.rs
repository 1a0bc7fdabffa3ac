//! How bad a line says it is.

use crate::words::words;

/// The levels that all logs have in common, and none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Critical,
    Error,
    Warning,
    Info,
    Debug,
    /// The line does not say.
    Unknown,
}

words!(Level, "a level", {
    Critical => "critical",
    Error => "error",
    Warning => "warning",
    Info => "info",
    Debug => "debug",
    Unknown => "unknown",
});

/// What programs write for them, in lower case.
const WRITTEN: [(Level, &[&str]); 5] = [
    (
        Level::Critical,
        &[
            "critical",
            "crit",
            "fatal",
            "alert",
            "emergency",
            "emerg",
            "panic",
        ],
    ),
    (Level::Error, &["error", "err", "severe"]),
    (Level::Warning, &["warning", "warn"]),
    (Level::Info, &["info", "information", "notice", "log"]),
    (
        Level::Debug,
        &[
            "debug", "trace", "verbose", "fine", "finer", "finest", "debug1", "debug2", "debug3",
            "debug4", "debug5",
        ],
    ),
];

impl Level {
    /// Of a word such as `warn` or `FATAL`; none if it is not the name of a level.
    pub fn of_word(word: &str) -> Option<Self> {
        let is_it = |name: &&str| name.eq_ignore_ascii_case(word);
        let mut written = WRITTEN.iter();
        let found = written.find(|(_, names)| names.iter().any(is_it));
        found.map(|(level, _)| *level)
    }

    /// Of a priority of syslog and journald, `0..=7`, 0 being the worst.
    pub fn of_priority(priority: u64) -> Option<Self> {
        match priority {
            0..=2 => Some(Self::Critical),
            3 => Some(Self::Error),
            4 => Some(Self::Warning),
            5 | 6 => Some(Self::Info),
            7 => Some(Self::Debug),
            _ => None,
        }
    }

    /// Of a number in a field for levels: 10 to 60 as bunyan and pino count, else a priority.
    pub(super) fn of_number(number: u64) -> Option<Self> {
        match number {
            0..=7 => Self::of_priority(number),
            10..=29 => Some(Self::Debug),
            30..=39 => Some(Self::Info),
            40..=49 => Some(Self::Warning),
            50..=59 => Some(Self::Error),
            60 => Some(Self::Critical),
            _ => None,
        }
    }

    /// Of the one letter that klog, glog and others write.
    pub(super) fn of_letter(letter: &str) -> Option<Self> {
        match letter {
            "F" => Some(Self::Critical),
            "E" => Some(Self::Error),
            "W" => Some(Self::Warning),
            "I" => Some(Self::Info),
            "D" => Some(Self::Debug),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn words_are_known_in_upper_and_lower_case() {
        for (word, level) in [
            ("WARN", Level::Warning),
            ("Error", Level::Error),
            ("fatal", Level::Critical),
            ("LOG", Level::Info),
            ("DEBUG3", Level::Debug),
        ] {
            assert_eq!(Level::of_word(word), Some(level), "{word}");
        }
        assert_eq!(Level::of_word("errors"), None);
        assert_eq!(Level::of_word(""), None);
    }

    #[test]
    fn a_field_of_numbers_is_a_priority_or_what_pino_counts() {
        let of = |number| Level::of_number(number);
        assert_eq!(of(3), Some(Level::Error));
        assert_eq!(of(50), Some(Level::Error));
        assert_eq!(of(20), Some(Level::Debug));
        assert_eq!((of(8), of(61)), (None, None));
    }
}
