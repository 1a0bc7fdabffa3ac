//! Where everything stands.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::Paragraph;

use super::detail::detail;
use super::help::help;
use super::lines::{engine, headline, keys, tabs};
use super::paint::Paint;
use super::table::table;
use crate::cli::top::model::{Model, Sheet, View};

/// All of it.
pub(in crate::cli::top) fn draw(frame: &mut Frame<'_>, model: &Model, paint: Paint) {
    let area = frame.area();
    let sheet = model.sheet();
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ]);
    let [first, second, third, body_area, last] = rows.areas(area);
    frame.render_widget(headline(model, paint), first);
    frame.render_widget(engine(model, paint), second);
    frame.render_widget(tabs(model, &sheet, paint), third);
    body(frame, body_area, model, &sheet, paint);
    frame.render_widget(keys(model, area.width, paint), last);
    if model.help {
        help(frame, area);
    }
}

fn body(frame: &mut Frame<'_>, area: Rect, model: &Model, sheet: &Sheet, paint: Paint) {
    let chosen = model.choice(sheet);
    if let Some(target) = model.target() {
        detail(frame, area, target, (sheet, chosen), paint);
    } else if sheet.rows.is_empty() {
        let text = Paragraph::new(nothing(model)).style(paint.dim());
        frame.render_widget(text, area);
    } else {
        table(frame, area, sheet, Some(chosen), paint);
    }
}

/// Why there is no row.
fn nothing(model: &Model) -> &'static str {
    let faults = *model.view() == View::Faults;
    if !model.filter.is_empty() {
        "nothing has that in its name"
    } else if faults {
        "nothing is armed"
    } else if model.board.is_none() {
        "looking"
    } else {
        match model.view() {
            View::Edges(_) => "nobody has talked to anybody yet",
            View::Target(_) => "the target is not there any more",
            View::Targets | View::Faults => "there are no targets",
        }
    }
}
