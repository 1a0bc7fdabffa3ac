//! The one place that prints.
//!
//! Results go to standard output, in one form or the other: text for people or, with `--json`, one
//! JSON document. Everything else (progress, notes, errors) goes to standard error, which may be
//! lost without harm.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use super::failure::CliError;
use super::style::{Choice, Style};

/// Where and how to print.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    pub json: bool,
    pub verbose: bool,
    /// For standard output.
    pub style: Style,
    /// For standard error.
    pub aside: Style,
    /// Standard error is a terminal on which lines can be rewritten.
    pub live: bool,
}

impl Out {
    pub fn new(json: bool, verbose: bool, color: Choice) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            json,
            verbose,
            style: Style::new(color, io::stdout().is_terminal() && !json),
            aside: Style::new(color, io::stderr().is_terminal()),
            live: io::stderr().is_terminal() && !dumb && !json,
        }
    }

    /// A part of the result, for people.
    pub fn say(self, text: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        let text = text.trim_end_matches('\n');
        writeln!(out, "{text}")
            .and_then(|()| out.flush())
            .map_err(CliError::Print)
    }

    /// Bytes as they are, such as a completion script.
    pub fn raw(self, bytes: &[u8]) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)
            .and_then(|()| out.flush())
            .map_err(CliError::Print)
    }

    /// The result, for programs.
    pub fn json(self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(CliError::Json)?;
        self.say(&text)
    }

    /// The result in the form that was asked for.
    pub fn result(
        self,
        value: &impl Serialize,
        text: impl FnOnce(Style) -> String,
    ) -> Result<(), CliError> {
        if self.json {
            self.json(value)
        } else {
            self.say(&text(self.style))
        }
    }

    /// Something to know that is no result.
    pub fn note(self, text: &str) {
        let _lost = writeln!(io::stderr(), "{text}");
    }

    /// Something to know for whoever asked to know more.
    pub fn detail(self, text: &str) {
        if self.verbose {
            self.note(&self.aside.dim(text));
        }
    }

    /// Writes over the line written last; only on a terminal.
    pub fn refresh(self, text: &str) {
        if self.live {
            let _lost = write!(io::stderr(), "\r\x1b[2K{}", fit(text));
        }
    }

    /// Removes the line that [`Out::refresh`] wrote.
    pub fn clear(self) {
        if self.live {
            let _lost = write!(io::stderr(), "\r\x1b[2K");
        }
    }

    /// Shows `text` alone on the screen; only on a terminal.
    pub fn page(self, text: &str) {
        let _lost = writeln!(io::stdout(), "\x1b[H\x1b[2J{text}");
    }

    /// A failure instead of a result: on standard error for people, and as the result for programs.
    pub fn failure(self, error: &CliError) {
        if self.json {
            // There is nobody to tell if this fails too.
            let _lost = self.json(&error.to_json());
        }
        self.complain(error);
    }

    /// A failure beside a result, which says as much to programs.
    pub fn complain(self, error: &CliError) {
        for line in self.lines_of(error) {
            self.note(&line);
        }
    }

    fn lines_of(self, error: &CliError) -> Vec<String> {
        let style = self.aside;
        let mut lines = Vec::new();
        for problem in error.problems() {
            let in_file = problem.place.file.is_some();
            let title = if in_file {
                String::new()
            } else {
                style.bad("error: ")
            };
            lines.push(format!("{title}{problem}"));
            lines.extend(problem.hint.as_ref().map(|hint| style.hint(hint)));
        }
        if lines.is_empty() {
            let mut message = error.to_string();
            for cause in error.causes() {
                // Some libraries repeat the cause in their own message.
                if !message.ends_with(&cause) {
                    message = format!("{message}: {cause}");
                }
            }
            lines.push(format!("{}{message}", style.bad("error: ")));
            lines.extend(error.hint().map(|hint| style.hint(&hint)));
        }
        lines
    }
}

/// A line that wraps could not be written over.
fn fit(text: &str) -> String {
    let width = terminal_size::terminal_size_of(io::stderr());
    let width = width.map_or(80, |(width, _height)| usize::from(width.0));
    text.chars().take(width.saturating_sub(1)).collect()
}
