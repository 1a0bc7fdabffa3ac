//! Levels that a line begins with, in the ways of syslog, klog, Redis and everybody.

use super::level::Level;
use super::time::time;

/// Words and bytes from the beginning in which a level is looked for: what comes later is prose.
const WORDS: usize = 8;
const BYTES: usize = 256;

/// The level that a line is marked with, if it is.
pub(super) fn marked(line: &str) -> Option<Level> {
    let head = line.get(..line.floor_char_boundary(BYTES))?;
    syslog(head)
        .or_else(|| klog(head))
        .or_else(|| redis(head))
        .or_else(|| named(head))
}

/// `<11>` is facility 1 and priority 3.
fn syslog(line: &str) -> Option<Level> {
    const MOST: u64 = 191;
    let (number, _rest) = line.strip_prefix('<')?.split_once('>')?;
    let number: u64 = number.parse().ok()?;
    (number <= MOST).then(|| Level::of_priority(number % 8))?
}

/// `E1123 05:15:45.123456 …`, as klog and glog begin.
fn klog(line: &str) -> Option<Level> {
    const DATE: usize = 4;
    let level = Level::of_letter(line.get(..1)?)?;
    let (date, rest) = line.get(1..)?.split_once(' ')?;
    let is_date = date.len() == DATE && date.bytes().all(|b| b.is_ascii_digit());
    (is_date && time(rest.trim_start()).is_some()).then_some(level)
}

/// `4711:M 23 Nov 2026 05:15:45.123 # …`: role and mark are one letter each.
fn redis(line: &str) -> Option<Level> {
    let (process, rest) = line.split_once(':')?;
    let is_process = !process.is_empty() && process.bytes().all(|b| b.is_ascii_digit());
    let rest = rest.strip_prefix(['M', 'S', 'C', 'X'])?.strip_prefix(' ')?;
    let rest = rest.get(time(rest)?..)?;
    let (mark, _message) = rest.strip_prefix(' ')?.split_once(' ')?;
    match mark {
        "." if is_process => Some(Level::Debug),
        "-" | "*" if is_process => Some(Level::Info),
        "#" if is_process => Some(Level::Warning),
        _ => None,
    }
}

/// The first word at the beginning that names a level and does not only happen to: it is in capitals,
/// in brackets, before a colon, or all there is before a dash or a bar.
fn named(line: &str) -> Option<Level> {
    let mut words = line.split_whitespace().take(WORDS).peekable();
    while let Some(word) = words.next() {
        let next = words.peek().copied();
        if let Some(level) = in_word(word, next) {
            return Some(level);
        }
    }
    None
}

fn in_word(word: &str, next: Option<&str>) -> Option<Level> {
    let is_set_off = next.is_some_and(|next| matches!(next, "-" | "|" | ":" | "--"));
    // `[error]`, `[mpm_event:notice]`, `[2026-11-23][WARN][x]`, `(info)`.
    let mut inside = word.split(['[', ']', '(', ')', '<', '>', '|']);
    let has_brackets = word.contains(['[', '(', '<', '|']);
    inside.find_map(|part| {
        let (bare, has_colon) = match part.split_once(':') {
            Some((name, "")) => (name, true),
            // `error:` may be followed at once, as in `main.c:12:error:`; the last name is the level.
            Some(_) => (
                part.trim_end_matches(':').rsplit(':').next()?,
                part.ends_with(':'),
            ),
            None => (part, false),
        };
        let bare = bare.trim_matches([',', '=', '"']);
        let level = Level::of_word(bare)?;
        // PostgreSQL's always has its colon; others mean a file.
        let is_loud = bare != "LOG" && bare.bytes().all(|b| !b.is_ascii_lowercase());
        (is_loud || has_colon || has_brackets || is_set_off).then_some(level)
    })
}
