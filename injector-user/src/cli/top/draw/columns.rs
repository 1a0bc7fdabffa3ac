//! Which columns there is room for.

use crate::cli::top::model::Column;

/// Between two columns.
pub(super) const GAP: u16 = 1;

/// The columns that fit, by position, with their widths: those that matter least are left out, and the
/// first one has what is left.
pub(super) fn fitting(columns: &[Column], width: u16) -> Vec<(usize, u16)> {
    let mut by_rank: Vec<(usize, &Column)> = columns.iter().enumerate().collect();
    by_rank.sort_by_key(|(_position, column)| column.rank);
    let mut taken = 0_u16;
    let mut kept: Vec<(usize, u16)> = Vec::new();
    for (position, column) in by_rank {
        let with_gap = if kept.is_empty() { 0 } else { GAP };
        let more = taken.saturating_add(column.width).saturating_add(with_gap);
        if more > width && !kept.is_empty() {
            break;
        }
        taken = more;
        kept.push((position, column.width));
    }
    kept.sort_unstable();
    if let Some((_position, first)) = kept.first_mut() {
        *first = first.saturating_add(width.saturating_sub(taken)).min(width);
    }
    kept
}

/// What is too long loses its middle: targets differ at their ends.
pub(super) fn shortened(text: &str, width: u16) -> String {
    let letters: Vec<char> = text.chars().collect();
    let width = usize::from(width);
    if letters.len() <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let head = room / 3;
    let tail = letters.len() - (room - head);
    let head = letters.iter().take(head);
    head.chain(&['…'])
        .chain(letters.iter().skip(tail))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{GAP, fitting, shortened};
    use crate::cli::top::model::Column;

    const COLUMNS: &[Column] = &[
        Column {
            title: "A",
            width: 10,
            rank: 0,
            number: false,
        },
        Column {
            title: "B",
            width: 4,
            rank: 2,
            number: true,
        },
        Column {
            title: "C",
            width: 6,
            rank: 1,
            number: true,
        },
    ];

    #[test]
    fn the_least_important_column_goes_first() {
        assert_eq!(fitting(COLUMNS, 30), [(0, 18), (1, 4), (2, 6)]);
        assert_eq!(fitting(COLUMNS, 21), [(0, 14), (2, 6)]);
        assert_eq!(fitting(COLUMNS, 16), [(0, 16)]);
        assert_eq!(fitting(COLUMNS, 3), [(0, 3)]);
    }

    #[test]
    fn a_long_name_keeps_both_ends() {
        assert_eq!(shortened("cgroup:/system.slice/redis", 13), "cgro…ce/redis");
        assert_eq!(shortened("host", 4), "host");
        assert_eq!(shortened("host", 0), "");
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_there_is_room(width in 0..200_u16, text in ".{0,40}") {
            let kept = fitting(COLUMNS, width);
            let gaps = GAP * u16::try_from(kept.len().saturating_sub(1)).unwrap();
            let all: u16 = kept.iter().map(|(_position, width)| *width).sum();
            prop_assert!(all + gaps <= width);
            prop_assert!(shortened(&text, width).chars().count() <= usize::from(width));
        }
    }
}
