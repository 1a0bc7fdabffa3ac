//! The command line as it was typed, for hints that can be copied.

use std::env;

/// The same command with `sudo` before it.
pub(super) fn with_sudo() -> String {
    let words = env::args().skip(1).map(|word| quoted(&word));
    let words: Vec<String> = words.collect();
    format!("sudo temblor {}", words.join(" "))
}

/// As a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_reads_words_back() {
        assert_eq!(quoted("cgroup:/a"), "cgroup:/a");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
