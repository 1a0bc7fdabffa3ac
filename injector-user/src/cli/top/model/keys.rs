//! What keys mean.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::state::Model;
use super::view::{Sort, View};

/// What is to be done that the model cannot do itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::top) enum Wish {
    Nothing,
    Quit,
    /// Start an engine if none runs.
    Start,
}

/// So many rows at a time.
const PAGE: usize = 10;
/// Longest filter, in characters.
const FILTER: usize = 64;

impl Model {
    pub(in crate::cli::top) fn press(&mut self, key: KeyEvent) -> Wish {
        let interrupt = key.modifiers.contains(KeyModifiers::CONTROL);
        if interrupt {
            return match key.code {
                KeyCode::Char('c') => Wish::Quit,
                _ => Wish::Nothing,
            };
        }
        if self.editing.is_some() {
            self.write(key.code);
            return Wish::Nothing;
        }
        if self.help {
            self.help = false;
            return Wish::Nothing;
        }
        match key.code {
            KeyCode::Char('q') => return Wish::Quit,
            KeyCode::Char('R') => return Wish::Start,
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Char('/') => self.editing = Some(self.filter.clone()),
            KeyCode::Char('s') => self.sort_by_next(),
            KeyCode::Char('S') => self.turn(),
            code => self.go(code),
        }
        Wish::Nothing
    }

    fn write(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.editing = None,
            KeyCode::Esc => self.filter = self.editing.take().unwrap_or_default(),
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(letter) if self.filter.chars().count() < FILTER => {
                self.filter.push(letter);
            }
            _ => {}
        }
    }

    /// To another row or view.
    fn go(&mut self, code: KeyCode) {
        match code {
            KeyCode::Down | KeyCode::Char('j') => self.choose(|row| row.saturating_add(1)),
            KeyCode::Up | KeyCode::Char('k') => self.choose(|row| row.saturating_sub(1)),
            KeyCode::PageDown => self.choose(|row| row.saturating_add(PAGE)),
            KeyCode::PageUp => self.choose(|row| row.saturating_sub(PAGE)),
            KeyCode::Home | KeyCode::Char('g') => self.choose(|_row| 0),
            KeyCode::End | KeyCode::Char('G') => self.choose(|_row| usize::MAX),
            KeyCode::Tab => {
                self.filter.clear();
                self.views = vec![self.view().next()];
            }
            KeyCode::Char('f') => self.open(View::Faults),
            KeyCode::Char('e') => self.open_edges(),
            KeyCode::Enter => self.open_target(),
            KeyCode::Esc => self.back(),
            _ => {}
        }
    }

    fn choose(&mut self, to: impl FnOnce(usize) -> usize) {
        let sheet = self.sheet();
        let last = sheet.rows.len().saturating_sub(1);
        let row = to(self.choice(&sheet)).min(last);
        if let Some(row) = sheet.rows.get(row) {
            self.chosen.insert(self.view().kind(), row.key.clone());
        }
    }

    /// A filter is of what is looked at, and stays there.
    fn open(&mut self, view: View) {
        if *self.view() != view {
            self.filter.clear();
            self.views.retain(|one| *one != view);
            self.views.push(view);
        }
    }

    fn open_edges(&mut self) {
        let of = match self.view() {
            View::Target(name) => Some(name.clone()),
            View::Targets | View::Edges(_) | View::Faults => None,
        };
        self.open(View::Edges(of));
    }

    /// Of targets, the chosen one; of edges, the one that has the chosen edge.
    fn open_target(&mut self) {
        let sheet = self.sheet();
        let Some(row) = sheet.rows.get(self.choice(&sheet)) else {
            return;
        };
        let name = match self.view() {
            View::Targets => Some(row.key.clone()),
            View::Edges(_) => row.cells.first().map(|cell| cell.text.clone()),
            View::Faults | View::Target(_) => None,
        };
        if let Some(name) = name {
            self.chosen.remove(&View::Target(name.clone()).kind());
            self.open(View::Target(name));
        }
    }

    /// Takes the filter away, then the view.
    fn back(&mut self) {
        if !self.filter.is_empty() {
            self.filter.clear();
        } else if self.views.len() > 1 {
            self.views.pop();
        } else {
            self.views = vec![View::Targets];
        }
    }

    fn sort_by_next(&mut self) {
        let columns = self.sheet().columns;
        let column = (self.sort().column + 1) % columns.len().max(1);
        // Numbers are looked at from above, names from the beginning.
        let falling = columns.get(column).is_some_and(|column| column.number);
        self.sorts
            .insert(self.view().kind(), Sort { column, falling });
    }

    fn turn(&mut self) {
        let Sort { column, falling } = self.sort();
        let falling = !falling;
        self.sorts
            .insert(self.view().kind(), Sort { column, falling });
    }
}
