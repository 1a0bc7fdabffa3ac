//! The terminal: taken, and given back as it was however this ends.

use std::env;
use std::io::{self, IsTerminal as _};
use std::thread;

use ratatui::crossterm::event::{self, Event};
use ratatui::{DefaultTerminal, Frame};
use tokio::sync::mpsc;

use crate::cli::failure::CliError;

/// Keys that may wait to be understood.
const KEYS: usize = 64;

/// A screen of our own; the one before is back when this value is gone, or after a panic.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    pub(super) fn take() -> Result<Self, CliError> {
        let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        if dumb || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(CliError::NoTerminal);
        }
        let terminal = ratatui::try_init().map_err(CliError::Terminal)?;
        Ok(Self { terminal })
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), CliError> {
        let drawn = self.terminal.draw(draw);
        drawn.map(drop).map_err(CliError::Terminal)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nobody is there to tell if the terminal has gone.
        let _gone = ratatui::try_restore();
    }
}

/// What is typed, and changes of size; ends with why, if nothing can be read any more.
pub(super) fn events() -> mpsc::Receiver<io::Result<Event>> {
    let (send, receive) = mpsc::channel(KEYS);
    // It waits in a read that nothing interrupts, and ends with the process.
    thread::spawn(move || {
        loop {
            let event = event::read();
            let failed = event.is_err();
            if send.blocking_send(event).is_err() || failed {
                return;
            }
        }
    });
    receive
}
