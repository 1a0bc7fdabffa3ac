//! A line without what only colours it.

use std::borrow::Cow;

/// The line without escape sequences of terminals (`ESC [ … letter`), for nothing that a target writes
/// may steer whoever's terminal it is shown on.
pub(super) fn plain(line: &str) -> Cow<'_, str> {
    let line = line.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    if !line.contains('\x1b') {
        return Cow::Borrowed(line);
    }
    let mut parts = line.split('\x1b');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(after_sequence(part));
    }
    Cow::Owned(text)
}

/// What follows the sequence that an escape has begun.
fn after_sequence(part: &str) -> &str {
    let Some(parameters) = part.strip_prefix('[') else {
        return part;
    };
    let end = parameters.find(|c: char| c.is_ascii() && ('@'..='~').contains(&c));
    end.map_or("", |end| parameters.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn colours_are_gone_and_nothing_else() {
        assert_eq!(
            plain("\x1b[1;31mERROR\x1b[0m it broke\r\n"),
            "ERROR it broke"
        );
        assert_eq!(plain("plain"), "plain");
        assert_eq!(plain("\0\0late"), "late");
        assert_eq!(plain("cut \x1b[3"), "cut ");
    }
}
