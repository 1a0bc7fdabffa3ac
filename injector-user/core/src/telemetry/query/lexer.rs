//! An expression as words and signs.

use crate::problem::{Invalid, Unhinted};

/// Longer expressions are refused, in bytes.
const LONGEST: usize = 4_096;

/// Signs that end a word.
const SIGNS: [char; 6] = [',', '|', '"', '<', '>', '='];

/// A word or sign, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// As it was written; of a quoted one, what it means.
    pub(super) text: String,
    /// In characters, from 1.
    pub(super) column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Quoted,
    /// One of `=`, `,`, `|`, `<`, `<=`, `>`, `>=`, `==`.
    Sign,
}

/// Whether a value needs no quotes.
pub(super) fn is_plain(value: &str) -> bool {
    !value.is_empty() && !value.contains(ends_word)
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || SIGNS.contains(&c)
}

/// What is wrong at a place of the expression.
pub(super) fn wrong(column: usize, what: impl std::fmt::Display) -> Unhinted {
    Invalid::saying(format!("character {column}: {what}"))
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Invalid> {
    if text.len() > LONGEST {
        return Err(
            Invalid::saying(format!("an expression of {} bytes is too long", text.len()))
                .hint(format!("at most {LONGEST}")),
        );
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut column = 1;
    loop {
        let trimmed = rest.trim_start();
        column += rest.chars().count() - trimmed.chars().count();
        if trimmed.is_empty() {
            return Ok(tokens);
        }
        let (token, after) = token(trimmed, column)?;
        tokens.push(token);
        column += trimmed.chars().count() - after.chars().count();
        rest = after;
    }
}

fn token(text: &str, column: usize) -> Result<(Token, &str), Invalid> {
    if text.starts_with('"') {
        return quoted(text, column);
    }
    let length = sign(text);
    let (kind, length) = match length {
        0 => (Kind::Word, text.find(ends_word).unwrap_or(text.len())),
        length => (Kind::Sign, length),
    };
    let (token, after) = text.split_at(length);
    let token = Token {
        kind,
        text: token.to_owned(),
        column,
    };
    Ok((token, after))
}

/// How long the sign is with which a text begins.
fn sign(text: &str) -> usize {
    let two = ["<=", ">=", "=="].iter().any(|sign| text.starts_with(sign));
    if two {
        return 2;
    }
    usize::from(text.starts_with(SIGNS))
}

fn quoted(text: &str, column: usize) -> Result<(Token, &str), Invalid> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<String>();
    let Some(Ok(value)) = values.next() else {
        return Err(wrong(column, "quotes that do not end, or not as in JSON")
            .hint("for example target=\"cgroup:/a b\"; \\\" for a quote in it"));
    };
    let after = text.get(values.byte_offset()..).unwrap_or_default();
    let token = Token {
        kind: Kind::Quoted,
        text: value,
        column,
    };
    Ok((token, after))
}
