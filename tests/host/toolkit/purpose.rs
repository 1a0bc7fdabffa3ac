//! Where we differ from the toolkit on purpose: each difference is provoked, and the table in
//! `docs/chaos-toolkit.md` is written from what was seen.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::json;

use super::both::{Case, Made};
use super::order::{experiment, probe, process};

/// One difference, in words and as an experiment that shows it.
struct Difference {
    what: &'static str,
    why: &'static str,
    case: Case,
}

fn differences() -> Vec<Difference> {
    let all = [verdicts(), values(), refusals()];
    all.into_iter().flatten().collect()
}

/// What decides the exit code.
fn verdicts() -> Vec<Difference> {
    let broken = probe("healthy", &["false"], json!(0));
    let works = process("action", "works", &["true"]);
    let mut fails = process("action", "fails", &["sleep", "5"]);
    fails["provider"]["timeout"] = json!(0.2);
    vec![
        Difference {
            what: "the hypothesis does not hold before the method",
            why: "nothing was tried, so nothing was shown: a pipeline must not go on",
            case: Case::of(experiment(Some(&[broken]), std::slice::from_ref(&works))),
        },
        Difference {
            what: "the hypothesis does not hold while the method runs, and does afterwards",
            why: "a deviation that was seen is never lost",
            case: passing_deviation(&[]),
        },
        Difference {
            what: "an action of the method has no answer",
            why: "what was not done shows nothing",
            case: Case::of(experiment(None, &[fails])),
        },
        Difference {
            what: "`--fail-fast`, while an action runs that takes long",
            why: "what is to end fast ends what is being done, too; the toolkit waits for it",
            case: passing_deviation(&["--fail-fast"]),
        },
    ]
}

/// A flag goes and comes back, and then something takes long.
fn passing_deviation(more: &[&str]) -> Case {
    let flag = probe("flag", &["test", "-e", "flag"], json!(0));
    let method = [
        process("action", "break", &["rm", "flag"]),
        process("action", "wait", &["sleep", "1"]),
        process("action", "mend", &["touch", "flag"]),
        process("action", "last", &["sleep", "0.5"]),
    ];
    let mut case = Case::of(experiment(Some(&[flag]), &method));
    case.files = vec![("flag", String::new())];
    let flags = [
        "--hypothesis-strategy",
        "continuously",
        "--hypothesis-frequency",
        "0.1",
    ];
    let flags = flags.iter().chain(more);
    case.flags = flags.map(|flag| (*flag).to_owned()).collect();
    case
}

/// What is kept.
fn values() -> Vec<Difference> {
    let latin = process("action", "latin", &["printf", "caf\\351"]);
    let mut secret = experiment(None, &[process("action", "tell", &["echo", "${token}"])]);
    secret["secrets"] = json!({ "own": { "token": "open sesame" } });
    secret["method"][0]["secrets"] = json!(["own"]);
    vec![
        Difference {
            what: "a program writes what is not UTF-8",
            why: "what can be read of it is kept; the toolkit keeps nothing",
            case: Case::of(experiment(None, &[latin])),
        },
        Difference {
            what: "a secret of the experiment is printed by a program",
            why: "journals are kept and sent around: secrets are not in ours",
            case: Case::of(secret),
        },
    ]
}

/// What is not begun.
fn refusals() -> Vec<Difference> {
    let mut given = experiment(None, &[process("action", "say", &["echo", "${port}"])]);
    given["configuration"] = json!({ "port": { "type": "env", "key": "NOT_SET_ANYWHERE" } });
    let mut given = Case::of(given);
    given.flags = vec!["--var".to_owned(), "port=6379".to_owned()];
    let pattern = json!({ "type": "regex", "pattern": "(", "target": "stdout" });
    let regex = probe("judged", &["echo", "x"], pattern);
    vec![
        Difference {
            what: "a variable of the environment is not set, and given by `--var`",
            why: "what is given on the command line wins, so the environment is not asked",
            case: given,
        },
        Difference {
            what: "a tolerance has an invalid regular expression",
            why: "what cannot work is bad input, whose exit code is 2, before anything is done",
            case: Case::of(experiment(Some(&[regex]), &[])),
        },
    ]
}

/// How one ended, in words.
fn ended(made: &Made) -> String {
    let code = made
        .code
        .map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
    let Some(status) = made.journal["status"].as_str() else {
        return format!("{code}, no journal");
    };
    let deviated = if made.journal["deviated"] == true {
        ", deviated"
    } else {
        ""
    };
    format!("{code}, {status}{deviated}")
}

/// One row of the table, from what was seen.
fn row(difference: &Difference) -> Result<String> {
    let Difference { what, why, case } = difference;
    let theirs = case.run_theirs()?;
    let ours = case.run_ours(&[])?;
    let compatible = case.run_ours(&["--compat", "chaostoolkit"])?;
    let found = theirs.differences(&ours);
    ensure!(!found.is_empty(), "{what}: there is no difference");
    let journal = places(&found);
    let cells = [ended(&theirs), ended(&ours), ended(&compatible)];
    Ok(format!(
        "| {what} | {} | {journal} | {why} |",
        cells.join(" | ")
    ))
}

/// Keys of the journal that differ.
fn places(found: &[String]) -> String {
    let place = |difference: &String| {
        let path = difference.split(": ").next()?;
        let mut parts = path.strip_prefix("/journal/")?.split('/');
        Some(format!("`{}`", parts.next()?))
    };
    let mut places: Vec<String> = found.iter().filter_map(place).collect();
    places.dedup();
    places.join(", ")
}

const BEGINNING: &str = "\
# Where `temblor run` differs from `chaos run`

Each row was seen by running one experiment under chaostoolkit 1.19.0 with chaostoolkit-lib 1.44.0, under
`temblor run`, and under `temblor run --compat chaostoolkit`, whose exit codes are the toolkit's.

<!-- Written by `BLESS=1 cargo test -p temblor-tests --test host purpose`, as root. -->

| what | `chaos run` | `temblor run` | with `--compat` | journals differ in | why |
|---|---|---|---|---|---|
";

#[test]
fn the_table_of_differences_says_what_is_seen() -> Result<()> {
    let rows = differences().iter().map(row).collect::<Result<Vec<_>>>()?;
    let table = format!("{BEGINNING}{}\n", rows.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/chaos-toolkit.md");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &table)?;
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), table);
    Ok(())
}
