//! Masking the parts of a text that differ from line to line.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::template::Template;
use super::time::time;

const CUT: char = '…';

/// From so many letters and digits on, mixed, a word is the name of one thing alone.
const ID: usize = 16;

/// From so many hexadecimal digits on, with both letters and digits, a word is a number.
const HEX: usize = 8;

/// The places of the dashes of a UUID, and its length.
const DASHES: [usize; 4] = [8, 13, 18, 23];
const UUID: usize = 36;

/// The text masked once, with white space made one space, and cut.
pub(super) fn masked(text: &str) -> String {
    let mut masking = Masking {
        text,
        before: None,
        unclosed: [false; 3],
    };
    let mut out = Cut::default();
    while let Some(piece) = masking.next_piece() {
        let room = match piece {
            Piece::Mask(mask) => out.push(mask),
            Piece::Text(text) => text.chars().all(|c| out.push_char(c)),
        };
        if !room {
            break;
        }
    }
    out.end()
}

/// A part of the text.
enum Piece<'a> {
    Mask(&'static str),
    Text(&'a str),
}

/// What is left to be masked.
struct Masking<'a> {
    text: &'a str,
    /// The character before it.
    before: Option<char>,
    /// For which quotes it is known that none is closed any more, so that a line of many quotes is not
    /// searched for each of them.
    unclosed: [bool; 3],
}

/// What may be before a path.
const BEFORE_PATH: &str = " \t([<=:,|\"'`";
/// What a path does not go on with.
const AFTER_PATH: &str = "\"'`<>()[]{},;:|?&=";
const QUOTES: [char; 3] = ['"', '\'', '`'];

impl<'a> Masking<'a> {
    fn next_piece(&mut self) -> Option<Piece<'a>> {
        let first = self.text.chars().next()?;
        let found = match first {
            '"' | '\'' | '`' => self.quoted(first).map(|length| (length, "<str>")),
            '/' => self.path().map(|length| (length, "<path>")),
            _ if self.is_inside_word() => None,
            _ => special(self.text),
        };
        if let Some((length, mask)) = found {
            self.take(length);
            return Some(Piece::Mask(mask));
        }
        if first.is_ascii_digit() {
            self.take(number(self.text));
            return Some(Piece::Mask("<num>"));
        }
        let letters = self.text.find(|c: char| !c.is_alphabetic());
        let letters = letters.unwrap_or(self.text.len());
        Some(Piece::Text(self.take(letters.max(first.len_utf8()))))
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.text.split_at(length);
        self.text = rest;
        self.before = taken.chars().next_back().or(self.before);
        taken
    }

    fn is_inside_word(&self) -> bool {
        self.before.is_some_and(char::is_alphanumeric)
    }

    /// How long what is quoted is, with its quotes; none if it is not closed.
    fn quoted(&mut self, quote: char) -> Option<usize> {
        let known = QUOTES.iter().position(|one| *one == quote)?;
        // An apostrophe.
        if self.unclosed.get(known).copied()? || (quote == '\'' && self.is_inside_word()) {
            return None;
        }
        let inside = self.text.get(1..)?;
        let closes = |(place, _): &(usize, &str)| {
            let (head, tail) = inside.split_at(*place);
            let next = tail.get(1..).and_then(|rest| rest.chars().next());
            !head.ends_with('\\') && (quote != '\'' || !next.is_some_and(char::is_alphanumeric))
        };
        let found = inside.match_indices(quote).find(closes);
        if found.is_none()
            && let Some(unclosed) = self.unclosed.get_mut(known)
        {
            *unclosed = true;
        }
        found.map(|(place, _)| place + 2)
    }

    /// How long the path is.
    fn path(&self) -> Option<usize> {
        let is_within = self.before.is_some_and(|c| !BEFORE_PATH.contains(c));
        // Two begin the host of a URL.
        if is_within || self.text.starts_with("//") {
            return None;
        }
        let ends = |c: char| c.is_whitespace() || AFTER_PATH.contains(c);
        let path = self.text.split(ends).next()?;
        path.contains(char::is_alphanumeric).then_some(path.len())
    }
}

/// What begins a word and is more than a number, with its length.
fn special(text: &str) -> Option<(usize, &'static str)> {
    let word = text.split(|c: char| !c.is_alphanumeric()).next()?;
    let first = text.bytes().next()?;
    if !(first.is_ascii_alphanumeric() || first == b':') {
        return None;
    }
    if let Some(length) = time(text) {
        return Some((length, "<time>"));
    }
    if let Some(length) = uuid(text) {
        return Some((length, "<uuid>"));
    }
    if let Some(length) = address(text) {
        return Some((length, "<ip>"));
    }
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_mixed = digits > 0 && digits < word.len();
    let is_hex = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_hexdigit());
    if word.strip_prefix("0x").is_some_and(is_hex)
        || (is_mixed && word.len() >= HEX && is_hex(word))
    {
        return Some((word.len(), "<hex>"));
    }
    (is_mixed && word.len() >= ID).then_some((word.len(), "<id>"))
}

fn uuid(text: &str) -> Option<usize> {
    let head = text.get(..UUID)?;
    let is_right = |(place, byte): (usize, u8)| {
        if DASHES.contains(&place) {
            byte == b'-'
        } else {
            byte.is_ascii_hexdigit()
        }
    };
    let goes_on = text.get(UUID..)?.starts_with(char::is_alphanumeric);
    (head.bytes().enumerate().all(is_right) && !goes_on).then_some(UUID)
}

/// An address without its port, which is a number of its own.
fn address(text: &str) -> Option<usize> {
    let goes_on = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    let all = text.split(|c: char| !goes_on(c)).next()?;
    if text.get(all.len()..)?.starts_with(char::is_alphanumeric) {
        return None;
    }
    let six = all.strip_suffix(['.', ':']).unwrap_or(all);
    if six.contains(|c: char| c.is_ascii_digit()) && six.parse::<Ipv6Addr>().is_ok() {
        return Some(six.len());
    }
    let four = all.split(':').next()?.trim_end_matches('.');
    four.parse::<Ipv4Addr>().ok().map(|_address| four.len())
}

/// How long the number is, with its decimals.
fn number(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(text);
    while let Some(decimals) = text.get(length..).and_then(|rest| rest.strip_prefix('.')) {
        match digits(decimals) {
            0 => break,
            more => length += 1 + more,
        }
    }
    length
}

/// A text of bounded length.
#[derive(Default)]
struct Cut {
    text: String,
    /// As much of it as leaves room for the sign that it was cut.
    whole: usize,
    overflows: bool,
}

impl Cut {
    /// Whether there was room.
    fn push(&mut self, piece: &str) -> bool {
        self.overflows |= self.text.len() + piece.len() > Template::MOST_BYTES;
        if !self.overflows {
            self.text.push_str(piece);
            if self.text.len() + CUT.len_utf8() <= Template::MOST_BYTES {
                self.whole = self.text.len();
            }
        }
        !self.overflows
    }

    /// Whether there was room. Only spaces stand for white space, and one for many.
    fn push_char(&mut self, c: char) -> bool {
        if c.is_whitespace() || c.is_control() {
            let is_first = self.text.is_empty() || self.text.ends_with(' ');
            return is_first || self.push(" ");
        }
        self.push(c.encode_utf8(&mut [0; 4]))
    }

    fn end(mut self) -> String {
        if self.overflows {
            self.text.truncate(self.whole);
            self.text.push(CUT);
        }
        self.text.truncate(self.text.trim_end().len());
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(masked(line), expected);
    }

    #[test]
    fn what_differs_from_line_to_line_is_masked() {
        check(
            "connection from 10.0.0.7:4711 failed after 12.5ms",
            "connection from <ip>:<num> failed after <num>ms",
        );
        check(
            "[fe80::1%eth0]:80 and ::1.",
            "[<ip>%eth<num>]:<num> and <ip>.",
        );
        check(
            "request 6f9619ff-8b86-d011-b42d-00cf4fc964ff at 2026-11-23T05:15:45Z",
            "request <uuid> at <time>",
        );
        check(
            "object 0xDEADBEEF, commit 4177c80a",
            "object <hex>, commit <hex>",
        );
        check("session a8Xk29ZqPp01LmN4x", "session <id>");
        check("worker-12 of node7", "worker-<num> of node<num>");
        check(
            "cannot open \"a b\" or 'c' or `d`",
            "cannot open <str> or <str> or <str>",
        );
        check(
            "opened /var/lib/a.db, at /x:12",
            "opened <path>, at <path>:<num>",
        );
        check("v1.2.3   is\there", "v<num> is here");
    }

    #[test]
    fn what_is_the_same_in_every_line_stays() {
        for line in [
            "it's the user's own fault",
            "and/or I/O http://host",
            "std::net::Shutdown and dead::beef",
            "an \"unclosed quote",
            "<num> <ip> …",
            "äöü 日本",
        ] {
            check(line, line);
        }
    }
}
