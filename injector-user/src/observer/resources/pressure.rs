//! Pressure stall information (Documentation/accounting/psi.rst).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Whose files are named so.
pub(super) const RESOURCES: [&str; 3] = ["cpu", "memory", "io"];

/// By resource and tasks: the share of the last ten seconds.
pub(super) type Pressures = BTreeMap<(&'static str, String), f64>;

/// What the file of one resource says; nothing where the kernel keeps none.
pub(super) fn add(pressures: &mut Pressures, resource: &'static str, file: &Path) {
    let text = fs::read_to_string(file).unwrap_or_default();
    for (tasks, share) in text.lines().filter_map(line) {
        // Of several cgroups the one that suffers most.
        let worst = pressures.entry((resource, tasks.to_owned())).or_default();
        *worst = worst.max(share);
    }
}

fn line(line: &str) -> Option<(&str, f64)> {
    let (tasks, rest) = line.split_once(' ')?;
    let ten = rest
        .split(' ')
        .find_map(|word| word.strip_prefix("avg10="))?;
    let percent: f64 = ten.parse().ok()?;
    Some((tasks, percent / 100.0))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_line_tells_the_share_of_the_last_ten_seconds() {
        let text = "some avg10=94.19 avg60=57.43 avg300=32.20 total=2022342321";
        assert_eq!(line(text), Some(("some", 0.9419)));
        assert_eq!(line("some"), None);
        assert_eq!(line(""), None);
    }
}
