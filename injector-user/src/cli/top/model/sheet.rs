//! Rows under columns, sorted and filtered the same way whatever they are about.

use std::cmp::Ordering;

use super::view::Sort;

/// What stands above cells of one kind.
#[derive(Debug)]
pub(in crate::cli::top) struct Column {
    pub(in crate::cli::top) title: &'static str,
    /// In characters; of the first column at least, which has whatever is left.
    pub(in crate::cli::top) width: u16,
    /// The higher, the sooner it is left out for want of room; 0 is always there.
    pub(in crate::cli::top) rank: u8,
    /// A number stands at the right.
    pub(in crate::cli::top) number: bool,
}

impl Column {
    pub(super) const fn text(title: &'static str, width: u16, rank: u8) -> Self {
        Self {
            title,
            width,
            rank,
            number: false,
        }
    }

    pub(super) const fn number(title: &'static str, width: u16, rank: u8) -> Self {
        Self {
            title,
            width,
            rank,
            number: true,
        }
    }
}

/// What is shown, and what it is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli::top) struct Cell {
    pub(in crate::cli::top) text: String,
    /// None is less than any number.
    weight: Option<f64>,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            weight: None,
        }
    }

    pub(super) fn number(text: String, weight: f64) -> Self {
        Self {
            text,
            weight: Some(weight),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self.weight, other.weight) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            (None, None) => self.text.cmp(&other.text),
            (left, right) => left.is_some().cmp(&right.is_some()),
        }
    }
}

/// How a row is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::top) enum Mood {
    Plain,
    /// Something fails.
    Bad,
    /// Nothing happens any more.
    Dim,
}

/// One thing.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli::top) struct Row {
    /// Tells it apart from all others; what is filtered by.
    pub(in crate::cli::top) key: String,
    /// As many as there are columns.
    pub(in crate::cli::top) cells: Vec<Cell>,
    pub(in crate::cli::top) mood: Mood,
}

#[derive(Clone, Debug)]
pub(in crate::cli::top) struct Sheet {
    pub(in crate::cli::top) columns: &'static [Column],
    pub(in crate::cli::top) rows: Vec<Row>,
}

impl Sheet {
    /// Rows that have `filter` in their key in that order, whichever their case; those that are equal stay
    /// in the order of their keys.
    pub(super) fn arrange(mut self, filter: &str, sort: Sort) -> Self {
        let wanted = filter.to_lowercase();
        self.rows
            .retain(|row| row.key.to_lowercase().contains(&wanted));
        self.rows.sort_by(|left, right| {
            let cells = (left.cells.get(sort.column), right.cells.get(sort.column));
            let order = match cells {
                (Some(left), Some(right)) => left.order(right),
                _ => Ordering::Equal,
            };
            let order = if sort.falling { order.reverse() } else { order };
            order.then_with(|| left.key.cmp(&right.key))
        });
        self
    }
}
