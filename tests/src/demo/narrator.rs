//! What the demo says while it runs: to standard output, calmly, and in colour only on a terminal.

use std::cell::Cell;
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use injector_core::report::Check;
use owo_colors::{OwoColorize as _, Style};

/// Says things, and remembers whether the last of them can be written over.
#[derive(Debug)]
pub(super) struct Narrator {
    colour: bool,
    /// Whether a line can be written over.
    live: bool,
    /// When progress was last told.
    told: Cell<Instant>,
    /// Whether the last line is one of progress, which goes when there is something to say.
    open: Cell<bool>,
}

/// Between two lines of progress where they stay.
const SLOW: Duration = Duration::from_millis(900);
/// Between two where one replaces the other.
const FAST: Duration = Duration::from_millis(150);
/// Where texts begin behind their labels.
const LABEL: usize = 8;

impl Narrator {
    pub(super) fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            colour: terminal && !dumb && std::env::var_os("NO_COLOR").is_none(),
            live: terminal && !dumb,
            told: Cell::new(Instant::now()),
            open: Cell::new(false),
        }
    }

    /// A headline.
    pub(super) fn title(&self, text: impl Display) {
        self.line("");
        self.line(self.paint(text, Style::new().bold()));
    }

    /// A labelled line.
    pub(super) fn say(&self, label: &str, text: impl Display) {
        let label = self.paint(format!("{label:<LABEL$}"), Style::new().dimmed());
        self.line(format!("  {label} {text}"));
    }

    /// A command as somebody would type it.
    pub(super) fn command(&self, line: impl Display) {
        self.line(format!(
            "  {}",
            self.paint(format!("$ {line}"), Style::new().cyan())
        ));
    }

    /// A variable that a command finds in its environment.
    pub(super) fn command_setting(&self, name: &str, value: &str) {
        self.command(format!("export {name}={value}"));
    }

    /// What another program says.
    pub(super) fn quote(&self, line: impl Display) {
        self.line(format!(
            "  {} {line}",
            self.paint("│", Style::new().dimmed())
        ));
    }

    /// What was found out, whether it is as it should be.
    pub(super) fn check(&self, check: &Check) {
        let Check {
            about: _,
            name,
            passed,
            detail,
        } = check;
        let mark = if *passed {
            self.paint("✓", Style::new().green())
        } else {
            self.paint("✗", Style::new().red().bold())
        };
        let detail = self.paint(detail, Style::new().dimmed());
        self.line(format!("  {mark} {name}  {detail}"));
    }

    /// How it goes, from time to time only.
    pub(super) fn progress(&self, text: impl FnOnce() -> String) {
        let pause = if self.live { FAST } else { SLOW };
        if self.told.get().elapsed() < pause {
            return;
        }
        self.told.set(Instant::now());
        let text = format!(
            "  {}",
            self.paint(format!("⋯ {}", text()), Style::new().dimmed())
        );
        if self.live {
            self.write(&format!("\r\x1b[2K{text}"));
            self.open.set(true);
        } else {
            self.write(&format!("{text}\n"));
        }
    }

    fn line(&self, text: impl Display) {
        let clear = if self.open.take() { "\r\x1b[2K" } else { "" };
        self.told.set(Instant::now());
        self.write(&format!("{clear}{text}\n"));
    }

    /// Nobody listening is no reason to stop: the report and the exit code say it too.
    fn write(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _nobody_listens = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn paint(&self, text: impl Display, style: Style) -> String {
        if self.colour {
            text.style(style).to_string()
        } else {
            text.to_string()
        }
    }
}
