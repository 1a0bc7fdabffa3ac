//! Colours: few, and none if they are not wanted.

use ratatui::style::{Color, Modifier, Style};

use crate::cli::style;

/// What stands above other things.
pub(super) const TITLE: Style = Style::new().add_modifier(Modifier::BOLD);
/// What keys are about; told apart without a colour.
pub(super) const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);

/// Styles that depend on whether colours are wanted.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli::top) struct Paint {
    on: bool,
}

impl Paint {
    pub(in crate::cli::top) fn of(style: style::Style) -> Self {
        Self { on: style.is_on() }
    }

    pub(super) fn bad(self) -> Style {
        self.colour(Color::Red)
    }

    pub(super) fn dim(self) -> Style {
        self.colour(Color::DarkGray)
    }

    pub(super) fn key(self) -> Style {
        self.colour(Color::Cyan)
    }

    fn colour(self, colour: Color) -> Style {
        if self.on {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }
}
