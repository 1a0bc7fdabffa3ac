//! A name, or what names look like: `web`, `~^web-[0-9]`.

use std::cmp::Ordering;
use std::fmt;

use regex::Regex;

use crate::problem::Invalid;

/// Longest expression that is read.
const MAX_EXPRESSION: usize = 1_000;

/// Which names are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// Exactly this one.
    Exact(String),
    /// Every name in which the expression is found; it is anchored only by its own `^` and `$`, as
    /// in `pgrep`.
    Like(Expression),
}

/// A regular expression in the syntax of the `regex` crate. Two of the same text are equal.
#[derive(Clone)]
pub struct Expression(Regex);

impl Pattern {
    /// `text` is an exact name, or an expression after `~`.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        match text.strip_prefix('~') {
            Some(expression) => Expression::read(expression).map(Self::Like),
            None => Ok(Self::Exact(text.to_owned())),
        }
    }

    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Like(expression) => expression.0.is_match(name),
        }
    }
}

impl Expression {
    fn read(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > MAX_EXPRESSION {
            return Err(
                Invalid::saying(format!("`~{text}` is no regular expression")).hint(format!(
                    "1 to {MAX_EXPRESSION} characters after ~, such as ~^web-[0-9]+$"
                )),
            );
        }
        Regex::new(text).map(Self).map_err(|error| {
            let text_of_error = error.to_string();
            let last = text_of_error.lines().last().unwrap_or_default().trim();
            let reason = last.strip_prefix("error: ").unwrap_or(last);
            Invalid::saying(format!("`~{text}` is not a regular expression: {reason}"))
                .hint("such as ~^web-[0-9]+$; a \\ before a character takes it literally")
        })
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Expression {}

impl PartialOrd for Expression {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Expression {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_str().cmp(other.0.as_str())
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_str(), out)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => out.write_str(name),
            Self::Like(expression) => write!(out, "~{}", expression.0.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let read = Pattern::read(pattern).unwrap();
        assert_eq!(read.to_string(), pattern);
        assert!(yes.iter().all(|name| read.matches(name)), "{pattern}");
        assert!(!no.iter().any(|name| read.matches(name)), "{pattern}");
    }

    #[test]
    fn an_expression_is_anchored_only_by_itself() {
        check("~web", &["web", "my-web-1"], &["wed", ""]);
        check("~^web-[0-9]+$", &["web-1", "web-22"], &["web", "a-web-1"]);
        check("web", &["web"], &["web-1", "a-web"]);
    }

    #[test]
    fn a_broken_expression_says_what_is_wrong() {
        let invalid = Pattern::read("~web(").unwrap_err();
        assert_eq!(
            invalid.message,
            "`~web(` is not a regular expression: unclosed group"
        );
        let invalid = Pattern::read("~").unwrap_err();
        assert_eq!(invalid.message, "`~` is no regular expression");
        Pattern::read("~(a{9999}){9999}").unwrap_err();
    }
}
