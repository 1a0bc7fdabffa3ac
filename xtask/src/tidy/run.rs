//! Reads the tree, asks every rule, and tells.

use anyhow::Result;

use crate::{
    exec::say,
    test::Counts,
    tidy::{
        budgets, directions,
        finding::{Finding, Severity},
        ignored, inheritance, mod_files, module_doc, names, purity, shelling,
        tree::Tree,
        unsafety, versions,
    },
};

/// A rule and its name.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

const RULES: &[Rule] = &[
    ("package directions", directions::check),
    ("inherited lints and keys", inheritance::check),
    ("versions from the workspace", versions::check),
    ("file and function budgets", budgets::check),
    ("mod.rs without logic", mod_files::check),
    ("unsafe where it is reviewed", unsafety::check),
    ("pure core", purity::check),
    ("no shelling out", shelling::check),
    ("no ignored tests", ignored::check),
    ("module documentation", module_doc::check),
    ("names that say something", names::check),
];

/// Prints every finding; each rule counts as one check.
pub(crate) fn run() -> Result<Counts> {
    let tree = Tree::read()?;
    let mut counts = Counts::default();
    for (name, check) in RULES {
        let findings = check(&tree);
        let failures = findings
            .iter()
            .filter(|it| it.severity == Severity::Failure)
            .count();
        counts.add(failures == 0);
        let verdict = if failures == 0 { "ok" } else { "FAILED" };
        say(format_args!("tidy: {name}: {verdict}"));
        for finding in findings {
            println!("  {finding}");
        }
    }
    Ok(counts)
}
