//! Which system calls can be made to fail on which kernel, kept as golden data.
//!
//! A guest's `temblor doctor --matrix --json` is compared with `tests/golden/matrix/KERNEL.json`, which
//! has no more of it than what is the same in every run; with `BLESS` in the environment it is written
//! anew. Only guests that are started as most distributions do are compared.

use std::{collections::BTreeMap, env, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};

use crate::{
    test::Counts,
    vm::{
        machines::{Machine, PLAIN},
        report::{Outcome, Report},
    },
};

/// The group whose words are compared.
pub(crate) const GROUP: &str = "matrix";

/// Below the workspace.
const FOLDER: &str = "tests/golden/matrix";

/// Compares what the guest said, if it did, and puts the outcome into its report.
pub(crate) fn check(root: &Path, machine: Machine, report: &mut Report) {
    let Some(said) = report.words.get(GROUP) else {
        return;
    };
    let mut counts = Counts::default();
    match compared(root, machine, said) {
        Ok(()) => counts.passed = 1,
        Err(error) => {
            counts.failed = 1;
            report.failures += [GROUP, ": ", &format!("{error:#}"), "\n"].concat().as_str();
        }
    }
    let mut outcomes = report.outcomes.iter_mut();
    if let Some((_, outcome)) = outcomes.find(|(group, _)| group == GROUP) {
        *outcome = Outcome::Ran(counts);
    }
}

fn compared(root: &Path, machine: Machine, said: &str) -> Result<()> {
    if machine.variant != PLAIN {
        bail!("there is golden data only of plain guests");
    }
    let now = text(said)?;
    let folder = root.join(FOLDER);
    let path = folder.join(format!("{}.json", machine.release.name));
    if env::var_os("BLESS").is_some() {
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        return fs::write(&path, now).with_context(|| format!("write {}", path.display()));
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    if golden != now {
        bail!(
            "not as in {}:\n{}hint: `BLESS=1 cargo xtask vm matrix --kernel {}` writes it anew",
            path.display(),
            difference(&golden, &now),
            machine.release.name
        );
    }
    Ok(())
}

/// What of the doctor's words is kept: system calls by all that is said of them but their numbers.
fn text(said: &str) -> Result<String> {
    let words: Value = serde_json::from_str(said.trim())
        .with_context(|| format!("read what the doctor said: {said}"))?;
    let Value::Object(mut words) = words else {
        bail!("the doctor said no object: {said}");
    };
    let rows = words.remove("syscalls");
    let rows = rows.as_ref().and_then(Value::as_array);
    // Which kernel it is exactly, and how it was started.
    words.remove("host");
    let mut kept: BTreeMap<String, (Map<String, Value>, Vec<String>)> = BTreeMap::new();
    for row in rows.context("the doctor said no system calls")? {
        let mut row = row.as_object().context("a row is an object")?.clone();
        row.remove("number");
        let name = row.remove("syscall");
        let name = name.as_ref().and_then(Value::as_str);
        let name = name.context("a row has a name")?.to_owned();
        let reasons = row.get_mut("reasons").and_then(Value::as_array_mut);
        for reason in reasons.into_iter().flatten() {
            *reason = general(reason, &name);
        }
        let alike = kept.entry(Value::from(row.clone()).to_string());
        alike.or_insert_with(|| (row, Vec::new())).1.push(name);
    }
    let groups = kept.into_values().map(|(mut row, names)| {
        row.insert("syscalls".to_owned(), json!(lines(&names)));
        Value::from(row)
    });
    words.insert("syscalls".to_owned(), groups.collect());
    Ok(serde_json::to_string_pretty(&words)? + "\n")
}

/// A reason without the name of the call's function, and without what stands in brackets: the verifier's
/// own words name instructions by number.
fn general(reason: &Value, name: &str) -> Value {
    let text = reason.as_str().unwrap_or_default();
    let text = text.split_once(" (").map_or(text, |(begin, _)| begin);
    let function = format!(" __x64_sys_{name}");
    text.strip_suffix(&*function).unwrap_or(text).into()
}

/// Names on lines by their first letters, so that one more changes one line.
fn lines(names: &[String]) -> Vec<String> {
    let mut lines: BTreeMap<Option<char>, Vec<&str>> = BTreeMap::new();
    for name in names {
        lines.entry(name.chars().next()).or_default().push(name);
    }
    lines.into_values().map(|names| names.join(" ")).collect()
}

/// Lines that only one of them has.
fn difference(golden: &str, now: &str) -> String {
    let only_in = |one: &str, other: &str, mark: &str| {
        let own = one
            .lines()
            .filter(|line| !other.lines().any(|it| it == *line));
        own.flat_map(|line| ["  ", mark, " ", line.trim(), "\n"])
            .collect::<String>()
    };
    only_in(golden, now, "-") + &only_in(now, golden, "+")
}

#[cfg(test)]
mod tests {
    use super::{difference, text};

    const SAID: &str = r#"{
        "syscalls": [
            {"syscall": "accept", "number": 43, "mechanism": "kprobe"},
            {"syscall": "acct", "number": 163, "mechanism": null, "reasons": ["no hook (430: r0)"]},
            {"syscall": "alarm", "number": 37, "mechanism": "kprobe"},
            {"syscall": "bind", "number": 49, "mechanism": "kprobe"}
        ],
        "of_commands": "seccomp",
        "host": {"kernel": "6.12.95"}
    }"#;

    #[test]
    fn calls_are_kept_by_what_is_said_of_them() {
        let kept = r#"{
  "of_commands": "seccomp",
  "syscalls": [
    {
      "mechanism": "kprobe",
      "syscalls": [
        "accept alarm",
        "bind"
      ]
    },
    {
      "mechanism": null,
      "reasons": [
        "no hook"
      ],
      "syscalls": [
        "acct"
      ]
    }
  ]
}
"#;
        assert_eq!(text(SAID).unwrap(), kept);
    }

    #[test]
    fn a_difference_is_told_in_lines() {
        assert_eq!(difference("a\n  b\n", "a\n  c\n"), "  - b\n  + c\n");
    }
}
