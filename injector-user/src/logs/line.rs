//! From bytes to lines.

/// Longest line that is read, bytes; of a longer one the rest is passed over, and it counts as cut.
pub const MOST_LINE: usize = 16 << 10;

/// One line without its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// It was longer than [`MOST_LINE`].
    pub(super) is_cut: bool,
    /// It was no UTF-8; what was none stands as `U+FFFD`.
    pub(super) is_invalid: bool,
}

/// Lines of a stream that comes in pieces; holds no more than one line.
#[derive(Clone, Debug, Default)]
pub(super) struct Splitter {
    held: Vec<u8>,
    is_cut: bool,
    /// Something of a line has come whose end has not.
    has_begun: bool,
}

impl Splitter {
    /// The lines that end in this piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = rest.split_at(end);
            self.hold(line);
            lines.push(self.take());
            rest = behind.get(1..).unwrap_or_default();
        }
        self.has_begun |= !rest.is_empty();
        self.hold(rest);
        lines
    }

    /// The last line, if it has no end.
    pub(super) fn end(&mut self) -> Option<Line> {
        self.has_begun.then(|| self.take())
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = MOST_LINE - self.held.len();
        self.is_cut |= bytes.len() > room;
        let kept = bytes.get(..room).unwrap_or(bytes);
        self.held.extend_from_slice(kept);
    }

    fn take(&mut self) -> Line {
        let bytes = std::mem::take(&mut self.held);
        self.has_begun = false;
        let is_cut = std::mem::take(&mut self.is_cut);
        match String::from_utf8(bytes) {
            Ok(text) => Line {
                text,
                is_cut,
                is_invalid: false,
            },
            Err(error) => {
                // A cut may go through the middle of a character.
                let is_end = error.utf8_error().error_len().is_none();
                Line {
                    text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
                    is_cut,
                    is_invalid: !(is_cut && is_end),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Line, MOST_LINE, Splitter};

    fn line(text: &str) -> Line {
        Line {
            text: text.to_owned(),
            ..Line::default()
        }
    }

    #[test]
    fn a_line_is_complete_when_its_end_has_come() {
        let mut splitter = Splitter::default();
        assert_eq!(splitter.push(b"one\ntw"), [line("one")]);
        assert_eq!(splitter.push(b"o"), []);
        assert_eq!(splitter.push(b"\n\nrest"), [line("two"), line("")]);
        assert_eq!(splitter.end(), Some(line("rest")));
        assert_eq!(splitter.end(), None);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_counted_once() {
        let mut splitter = Splitter::default();
        for _ in 0..4 {
            assert_eq!(splitter.push(&[b'x'; MOST_LINE]), []);
            assert!(splitter.held.len() <= MOST_LINE);
        }
        let lines = splitter.push(b"\nshort\n");
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].text.len(), lines[0].is_cut), (MOST_LINE, true));
        assert_eq!(lines[1], line("short"));
    }

    #[test]
    fn what_is_no_utf_8_is_said_and_kept_as_far_as_it_is() {
        let lines = Splitter::default().push(b"a\xffb\n");
        assert_eq!((&*lines[0].text, lines[0].is_invalid), ("a\u{fffd}b", true));
        let mut long = "ä".repeat(MOST_LINE / 2).into_bytes();
        long.insert(0, b'x');
        long.push(b'\n');
        let lines = Splitter::default().push(&long);
        assert_eq!((lines[0].is_cut, lines[0].is_invalid), (true, false));
    }

    proptest! {
        #[test]
        fn however_it_comes_in_pieces_the_lines_are_the_same(
            text in "([a-z]{0,9}\n?){0,20}",
            cuts in proptest::collection::vec(0..200_usize, 0..9),
        ) {
            let mut splitter = Splitter::default();
            let (mut lines, mut from) = (Vec::new(), 0);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            for cut in cuts.into_iter().chain([text.len()]) {
                lines.extend(splitter.push(&text.as_bytes()[from..cut]));
                from = cut;
            }
            lines.extend(splitter.end());
            let expected: Vec<Line> = text.lines().map(line).collect();
            prop_assert_eq!(lines, expected);
        }
    }
}
