//! Files of `name number` lines, as the kernel writes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The numbers of a file by their names; none where there is no such file.
pub(super) fn numbers(path: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let pair = |line: &str| {
        let (name, number) = line.split_once(char::is_whitespace)?;
        Some((name.to_owned(), number.trim().parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}

/// The only number of a file.
pub(super) fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
