//! What is wrong with something a person wrote, and where.
//!
//! Every reader of user input returns these, all of them at once where it can go on. A problem
//! never carries an operating system error: those belong to the module that did the operation.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where in the input something stands: a place in a file, a command line flag, or both unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file as the user named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Counted from 1, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// `method[2].provider.latency` in a document, `--latency` on a command line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
}

impl Place {
    /// The top of a document.
    pub fn file(file: Option<&str>) -> Self {
        Self {
            file: file.map(str::to_owned),
            ..Self::default()
        }
    }

    /// A command line flag, given with or without its dashes.
    pub fn flag(name: &str) -> Self {
        let name = name.trim_start_matches('-').replace('_', "-");
        Self {
            path: format!("--{name}"),
            ..Self::default()
        }
    }

    /// The value of `name` in the mapping that stands here.
    #[must_use]
    pub fn key(&self, name: &str) -> Self {
        let separator = if self.path.is_empty() { "" } else { "." };
        Self {
            path: format!("{}{separator}{name}", self.path),
            ..self.clone()
        }
    }

    /// Element `index`, counted from 0, of the list that stands here.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self {
            path: format!("{}[{index}]", self.path),
            ..self.clone()
        }
    }

    /// The same path at this position of the file.
    #[must_use]
    pub fn at(&self, line: u32, column: u32) -> Self {
        Self {
            line: Some(line),
            column: Some(column),
            ..self.clone()
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.file.clone());
        parts.extend(self.line.map(|line| line.to_string()));
        parts.extend(self.column.map(|column| column.to_string()));
        let position = parts.join(":");
        match (position.is_empty(), self.path.is_empty()) {
            (true, _) => out.write_str(&self.path),
            (false, true) => out.write_str(&position),
            (false, false) => write!(out, "{position}: {}", self.path),
        }
    }
}

/// One thing wrong with the input, and what to write instead.
///
/// [`Display`](fmt::Display) is the one line without the hint; [`Problem::render`] has both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    pub place: Place,
    /// Lower case, without a full stop.
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The problem as a terminal shows it: one line, and one more if there is a hint.
    pub fn render(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{self}\nhint: {hint}"),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.to_string();
        if place.is_empty() {
            out.write_str(&self.message)
        } else {
            write!(out, "{place}: {}", self.message)
        }
    }
}

impl std::error::Error for Problem {}

/// Everything wrong with one input, in the order in which it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every problem with its hint, one below the other.
    pub fn render(&self) -> String {
        let rendered: Vec<_> = self.0.iter().map(Problem::render).collect();
        rendered.join("\n")
    }

    /// `value` if nothing was wrong.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(Problem::to_string).collect();
        out.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A value that cannot be read, before anybody knows where it stood. There is none without a hint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// Lower case, without a full stop.
    pub message: String,
    pub hint: String,
}

impl Invalid {
    /// What is wrong; what would be right has to follow.
    pub fn saying(message: impl Into<String>) -> Unhinted {
        Unhinted {
            message: message.into(),
        }
    }

    pub fn at(self, place: Place) -> Problem {
        Problem::new(place, self.message).hint(self.hint)
    }
}

/// What is wrong, before it is said what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Unhinted {
    message: String,
}

impl Unhinted {
    pub fn hint(self, hint: impl Into<String>) -> Invalid {
        Invalid {
            message: self.message,
            hint: hint.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_in_a_file_names_line_column_and_path() {
        let place = Place::file(Some("slow.yaml"))
            .key("method")
            .index(2)
            .key("latency");
        let problem = Problem::new(place.at(9, 14), "no unit in `20`").hint("20ms");
        assert_eq!(
            problem.render(),
            "slow.yaml:9:14: method[2].latency: no unit in `20`\nhint: 20ms"
        );
    }

    #[test]
    fn a_problem_on_the_command_line_names_the_flag() {
        let problem = Problem::new(Place::flag("max_hits"), "not a number");
        assert_eq!(problem.render(), "--max-hits: not a number");
    }

    #[test]
    fn a_problem_without_a_place_is_only_its_message() {
        assert_eq!(Problem::new(Place::default(), "empty").render(), "empty");
    }

    #[test]
    fn a_position_without_a_path_needs_no_second_colon() {
        let problem = Problem::new(Place::file(Some("x.yaml")).at(1, 2), "not YAML");
        assert_eq!(problem.render(), "x.yaml:1:2: not YAML");
    }

    #[test]
    fn problems_survive_json() {
        let problems = Problems(vec![Problem::new(Place::flag("a"), "b").hint("c")]);
        let json = serde_json::to_string(&problems).unwrap();
        assert_eq!(
            json,
            r#"[{"place":{"path":"--a"},"message":"b","hint":"c"}]"#
        );
        assert_eq!(serde_json::from_str::<Problems>(&json).unwrap(), problems);
    }
}
