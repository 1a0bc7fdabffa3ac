//! A growing piece of markup.

use std::fmt;

use crate::report::escape::Text;

/// Markup under construction. What comes from the report goes in through [`Text`].
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Adds markup written with `format_args!`.
    pub(super) fn put(&mut self, arguments: fmt::Arguments<'_>) {
        self.0.push_str(&arguments.to_string());
    }

    /// Adds a table; its cells are markup already.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        self.put(format_args!("<div class=\"scroll\"><table><thead><tr>"));
        for name in head {
            self.put(format_args!("<th>{}</th>", Text(name)));
        }
        self.put(format_args!("</tr></thead><tbody>"));
        for row in rows {
            self.put(format_args!("<tr>"));
            for cell in row {
                self.put(format_args!("<td>{cell}</td>"));
            }
            self.put(format_args!("</tr>"));
        }
        self.put(format_args!("</tbody></table></div>"));
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Text from the report as the markup of a cell.
pub(super) fn text(value: impl fmt::Display) -> String {
    Text(value).to_string()
}

/// A small coloured word; `tone` is one of `good`, `bad`, `warn`, `plain`.
pub(super) fn chip(tone: &str, word: impl fmt::Display) -> String {
    format!("<span class=\"chip {tone}\">{}</span>", Text(word))
}

/// A sentence from the report, with what stands between backticks as code.
pub(super) fn prose(sentence: &str) -> String {
    let mut out = Markup::default();
    let mut parts = sentence.split('`').peekable();
    let mut code = false;
    while let Some(part) = parts.next() {
        // A backtick without its partner is one.
        match (code, parts.peek()) {
            (true, Some(_)) => out.put(format_args!("<code>{}</code>", Text(part))),
            (true, None) => out.put(format_args!("`{}", Text(part))),
            (false, _) => out.put(format_args!("{}", Text(part))),
        }
        code = !code;
    }
    out.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_become_code_and_everything_is_escaped() {
        assert_eq!(prose("a `<b>` c"), "a <code>&lt;b&gt;</code> c");
        assert_eq!(prose("only ` one"), "only ` one");
        assert_eq!(prose("``"), "<code></code>");
    }
}
