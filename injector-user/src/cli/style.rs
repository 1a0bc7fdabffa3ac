//! Colours: few, and only where a terminal shows them.

use owo_colors::OwoColorize as _;

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    Always,
    Never,
}

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    on: bool,
}

impl Style {
    /// No colours.
    pub const PLAIN: Self = Self { on: false };

    pub fn new(choice: Choice, terminal: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let on = match choice {
            Choice::Auto => terminal && wanted,
            Choice::Always => true,
            Choice::Never => false,
        };
        Self { on }
    }

    pub fn is_on(self) -> bool {
        self.on
    }

    pub fn bad(self, text: &str) -> String {
        self.paint(text, |text| text.red().bold().to_string())
    }

    pub fn good(self, text: &str) -> String {
        self.paint(text, |text| text.green().to_string())
    }

    pub fn unsure(self, text: &str) -> String {
        self.paint(text, |text| text.yellow().to_string())
    }

    pub fn title(self, text: &str) -> String {
        self.paint(text, |text| text.bold().to_string())
    }

    pub fn dim(self, text: &str) -> String {
        self.paint(text, |text| text.dimmed().to_string())
    }

    /// What to do about the line above.
    pub fn hint(self, text: &str) -> String {
        format!(
            "{}{text}",
            self.paint("hint: ", |text| text.cyan().to_string())
        )
    }

    fn paint(self, text: &str, paint: impl FnOnce(&str) -> String) -> String {
        if self.on {
            paint(text)
        } else {
            text.to_owned()
        }
    }
}
