//! Regular expressions with Python's meaning of the anchors.

use std::fmt;

use fancy_regex::{Regex, RegexBuilder};

/// Steps a pattern may take before it counts as not found: no text may hang an experiment.
const BACKTRACKS: usize = 100_000;

/// A pattern that was understood.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern as Python's `re` does; the error is the reader's own words.
    pub fn parse(text: &str) -> Result<Self, String> {
        match RegexBuilder::new(&with_python_anchors(text))
            .backtrack_limit(BACKTRACKS)
            .build()
        {
            Ok(regex) => Ok(Self {
                text: text.to_owned(),
                regex,
            }),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether it is found anywhere in the text.
    pub fn found_in(&self, text: &str) -> bool {
        self.regex.is_match(text).unwrap_or(false)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}

/// Python's `$` also matches before a final line break, which every command's output ends with, and
/// its `\Z` only at the very end.
fn with_python_anchors(text: &str) -> String {
    let multiline = text.starts_with("(?")
        && text
            .split(')')
            .next()
            .is_some_and(|flags| flags.contains('m'));
    let mut out = String::with_capacity(text.len());
    let mut in_class = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('Z') if !in_class => out.push_str("\\z"),
                Some(escaped) => out.extend(['\\', escaped]),
                None => out.push('\\'),
            },
            '$' if !in_class && !multiline => out.push_str("(?=\\n?\\z)"),
            _ => {
                in_class = if in_class { c != ']' } else { c == '[' };
                out.push(c);
            }
        }
    }
    out
}
