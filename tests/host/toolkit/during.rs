//! The hypothesis while the method runs.

use anyhow::Result;
use serde_json::json;

use super::both::{Case, check};
use super::order::{experiment, probe, process};

/// A method in which the flag goes.
fn flagged(strategy: &str, more: &[&str]) -> Case {
    let flag = probe("flag", &["test", "-e", "flag"], json!(0));
    let method = [
        process("action", "before", &["sleep", "0.5"]),
        process("action", "break", &["rm", "flag"]),
        process("action", "after", &["sleep", "0.7"]),
    ];
    let mut case = Case::of(experiment(Some(&[flag]), &method));
    case.files = vec![("flag", String::new())];
    let flags = [
        "--hypothesis-strategy",
        strategy,
        "--hypothesis-frequency",
        "0.1",
    ];
    case.flags = flags
        .iter()
        .chain(more)
        .map(|flag| (*flag).to_owned())
        .collect();
    case
}

#[test]
fn a_hypothesis_that_is_checked_continuously_decides_as_in_the_toolkit() -> Result<()> {
    let mut cases = Vec::new();
    for strategy in ["during-method-only", "continuously"] {
        for rollbacks in ["default", "always", "never", "deviated"] {
            cases.push(flagged(strategy, &["--rollback-strategy", rollbacks]));
        }
    }
    check(&cases)
}

#[test]
fn the_first_check_that_fails_ends_the_method_where_that_is_asked() -> Result<()> {
    let mut cases = Vec::new();
    for strategy in ["during-method-only", "continuously"] {
        for rollbacks in ["default", "deviated"] {
            let mut case = flagged(strategy, &["--fail-fast", "--rollback-strategy", rollbacks]);
            // The toolkit waits until what it does is done.
            case.ours = &["/journal/run/2"];
            cases.push(case);
        }
    }
    check(&cases)
}
