//! A sheet on the screen.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::text::Text;
use ratatui::widgets::{Row as Line, Table, TableState};

use super::columns::{GAP, fitting, shortened};
use super::paint::{CHOSEN, Paint, TITLE};
use crate::cli::top::model::{Mood, Row, Sheet};

/// As much of a sheet as there is room for: `chosen` is in sight, if there is one.
pub(super) fn table(
    frame: &mut Frame<'_>,
    area: Rect,
    sheet: &Sheet,
    chosen: Option<usize>,
    paint: Paint,
) {
    let kept = fitting(sheet.columns, area.width);
    let header = kept.iter().filter_map(|(position, _width)| {
        let column = sheet.columns.get(*position)?;
        Some(aligned(column.title.to_owned(), column.number))
    });
    let rows = sheet.rows.iter().map(|row| line(row, sheet, &kept, paint));
    let widths = kept
        .iter()
        .map(|(_position, width)| Constraint::Length(*width));
    let shown = Table::new(rows, widths)
        .header(Line::new(header).style(TITLE))
        .column_spacing(GAP)
        .row_highlight_style(CHOSEN);
    let mut state = TableState::new().with_selected(chosen);
    frame.render_stateful_widget(shown, area, &mut state);
}

fn line(row: &Row, sheet: &Sheet, kept: &[(usize, u16)], paint: Paint) -> Line<'static> {
    let cells = kept.iter().filter_map(|(position, width)| {
        let cell = row.cells.get(*position)?;
        let column = sheet.columns.get(*position)?;
        Some(aligned(shortened(&cell.text, *width), column.number))
    });
    let line = Line::new(cells);
    match row.mood {
        Mood::Plain => line,
        Mood::Bad => line.style(paint.bad()),
        Mood::Dim => line.style(paint.dim()),
    }
}

fn aligned(text: String, right: bool) -> Text<'static> {
    let side = if right {
        Alignment::Right
    } else {
        Alignment::Left
    };
    Text::from(text).alignment(side)
}
