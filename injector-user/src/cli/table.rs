//! Columns.

use super::style::Style;

/// Left-aligned columns under a header; the last one may be as long as it likes.
pub(super) fn table(header: &[&str], rows: &[Vec<String>], style: Style) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default();
        widest.max(header.get(column).map_or(0, |title| title.len()))
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let header: Vec<String> = header.iter().map(|title| (*title).to_owned()).collect();
    let mut lines = vec![style.title(&line(&header, &widths))];
    lines.extend(rows.iter().map(|row| line(row, &widths)));
    lines.join("\n")
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths);
    let padded: Vec<String> = padded
        .map(|(cell, width)| format!("{cell:<width$}"))
        .collect();
    padded.join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::cli::style::Style;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let shown = table(
            &["A", "LONG"],
            &[row("wide", "x"), row("y", "")],
            Style::PLAIN,
        );
        assert_eq!(shown, "A     LONG\nwide  x\ny");
    }
}
