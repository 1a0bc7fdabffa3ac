//! What a kernel says when something is wrong with it.

/// Parts of such lines.
const SIGNS: &[&str] = &[
    "Kernel panic",
    "Oops",
    "BUG:",
    "kernel BUG at",
    "WARNING:",
    "INFO: rcu",
    "detected stall",
    "self-detected stall",
    "general protection fault",
    "blocked for more than",
    "soft lockup",
    "hard LOCKUP",
    "refcount_t:",
    "Out of memory:",
];

/// How much of a kernel's log is shown from the first sign on.
const SHOWN: usize = 40;

/// The lines to show, from the first sign of trouble on; none if there is no sign.
pub(crate) fn trouble(log: &str) -> Option<String> {
    let is_sign = |line: &str| SIGNS.iter().any(|sign| line.contains(sign));
    let lines: Vec<_> = log.lines().collect();
    let first = lines.iter().position(|line| is_sign(line))?;
    let end = lines.len().min(first + SHOWN);
    Some(indented(&lines[first..end]))
}

/// Somebody else's lines, set apart from ours.
pub(crate) fn indented(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| ["    ", line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::trouble;

    #[test]
    fn trouble_is_shown_from_its_first_sign_on() {
        let log = "[ 1.0] all is well\n[ 2.0] WARNING: CPU: 0 at kernel/bpf/core.c\n[ 2.1] more\n";
        let shown = "    [ 2.0] WARNING: CPU: 0 at kernel/bpf/core.c\n    [ 2.1] more\n";
        assert_eq!(trouble(log).as_deref(), Some(shown));
        assert_eq!(trouble("[ 1.0] all is well\n"), None);
    }
}
