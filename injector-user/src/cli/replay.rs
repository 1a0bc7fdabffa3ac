//! Doing again what a report says was done: its faults, with their seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use injector_core::experiment::{Experiment, Provider, Temblor};
use injector_core::fault::{FaultSpec, Given, Kind};
use injector_core::problem::{Place, Problem, Problems};
use serde::Deserialize;

use super::failure::CliError;
use super::fault_args::FaultArgs;

/// The one parameter that may differ: who suffered then may have another number now.
const TARGET: &str = "target";
const SEED: &str = "seed";

/// What helps if an experiment and a report are of different faults.
const SAME: &str = "replay the experiment that the report is of";

/// One fault of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    /// Of the action that armed it; none for a fault of `inject`.
    name: Option<String>,
    pub(super) kind: Kind,
    /// In the words of the schema, with the seed.
    pub(super) params: BTreeMap<String, Given>,
}

/// What we need of a report, whoever wrote it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Written {
    /// Of `run`.
    Experiment { faults: Vec<OfRun> },
    /// Of `plan --count --arm`.
    Counted { report: OfInject },
    /// Of `inject`.
    Inject(OfInject),
}

#[derive(Debug, Deserialize)]
struct OfRun {
    name: String,
    kind: Kind,
    asked: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct OfInject {
    name: Option<String>,
    kind: Kind,
    params: BTreeMap<String, String>,
    seed: u64,
}

/// The fault to inject: all of it from the report, or as far as nothing else was asked for.
pub(super) fn fault(
    asked: Option<FaultArgs>,
    report: Option<&Path>,
) -> Result<FaultArgs, CliError> {
    let Some(path) = report else {
        return asked.ok_or_else(|| CliError::Usage {
            message: "which fault?".to_owned(),
            hint: "`temblor inject --help` lists them; --replay REPORT does one again".to_owned(),
        });
    };
    let recorded = read(path)?;
    let names: BTreeSet<_> = recorded.iter().map(|one| one.name.clone()).collect();
    // One that was armed again stands there again; it began with the first.
    let one = recorded.into_iter().next().filter(|_| names.len() == 1);
    let Some(one) = one else {
        let message = format!("{} faults are in this report", names.len());
        let hint = "`temblor run EXPERIMENT --replay REPORT` does all of them again";
        return Err(Problems::from(Problem::new(place(path, ""), message).hint(hint)).into());
    };
    match asked {
        None => Ok(FaultArgs::recorded(one)),
        Some(asked) if asked.kind == one.kind => Ok(asked.completed(one)),
        Some(asked) => {
            let message = format!("the report is of {}, not of {}", one.kind, asked.kind);
            let hint = "leave the fault away: the report says which";
            Err(Problems::from(Problem::new(place(path, ""), message).hint(hint)).into())
        }
    }
}

/// Gives the experiment's faults the seeds of the report; refused if they are not the report's faults.
pub(super) fn experiment(experiment: &mut Experiment, report: &Path) -> Result<(), CliError> {
    let recorded = read(report)?;
    let mut problems = Problems::default();
    let mut armed = BTreeSet::new();
    for activity in &mut experiment.method {
        let name = activity.name.clone();
        if let Provider::Temblor(Temblor::Arm { fault, .. }) = &mut activity.provider {
            if let Err(message) = give_seed(&name, fault, &recorded) {
                problems.push(Problem::new(activity.place.clone(), message).hint(SAME));
            }
            armed.insert(name);
        }
    }
    let names = recorded.iter().filter_map(|one| one.name.as_ref());
    let missing: BTreeSet<_> = names.filter(|name| !armed.contains(*name)).collect();
    for name in missing {
        let message = format!("the experiment has no fault `{name}`");
        problems.push(Problem::new(place(report, "faults"), message).hint(SAME));
    }
    if problems.0.is_empty() {
        Ok(())
    } else {
        Err(problems.into())
    }
}

/// Gives a fault the seed it had, or says why it is another one.
fn give_seed(name: &str, fault: &mut FaultSpec, recorded: &[Recorded]) -> Result<(), String> {
    // One that was armed again stands there again; it began with the first.
    let of_name = |one: &&Recorded| one.name.as_deref() == Some(name);
    let Some(one) = recorded.iter().find(of_name) else {
        return Err(format!("the report has no fault `{name}`"));
    };
    if let Some(message) = difference(fault.kind(), &fault.to_params(), one) {
        return Err(format!("`{name}` is not what the report says: {message}"));
    }
    let seed = one.params.get(SEED);
    let seed = seed.and_then(|given| given.text.parse().ok());
    fault.common.seed = seed.or(fault.common.seed);
    Ok(())
}

/// In what a fault differs from the recorded one, if it does.
fn difference(
    kind: Kind,
    params: &BTreeMap<String, String>,
    recorded: &Recorded,
) -> Option<String> {
    if kind != recorded.kind {
        return Some(format!("{} instead of {kind}", recorded.kind));
    }
    let names: BTreeSet<&String> = params.keys().chain(recorded.params.keys()).collect();
    let mut names = names
        .into_iter()
        .filter(|name| *name != TARGET && *name != SEED);
    names.find_map(|name| {
        let (now, then) = (params.get(name), recorded.params.get(name));
        let then = then.map(|given| &given.text);
        let shown = |text: Option<&String>| text.map_or("none", String::as_str).to_owned();
        (now != then).then(|| format!("{name} {} instead of {}", shown(then), shown(now)))
    })
}

fn read(path: &Path) -> Result<Vec<Recorded>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|source| CliError::Read {
        path: path.to_owned(),
        source,
    })?;
    let written: Written = serde_json::from_str(&text).map_err(|_no_report| {
        let message = "this is not a report with faults that can be replayed";
        let hint = "report.json of `run`, or what `inject --json` printed";
        Problems::from(Problem::new(place(path, ""), message).hint(hint))
    })?;
    Ok(written.recorded(|name| place(path, name)))
}

impl Written {
    fn recorded(self, place: impl Fn(&str) -> Place) -> Vec<Recorded> {
        let given = |params: BTreeMap<String, String>| {
            let given = |(name, text): (String, String)| {
                let place = place(&name);
                (name, Given { text, place })
            };
            params.into_iter().map(given).collect()
        };
        match self {
            Self::Experiment { faults } => faults
                .into_iter()
                .map(|one| Recorded {
                    name: Some(one.name),
                    kind: one.kind,
                    params: given(one.asked),
                })
                .collect(),
            Self::Counted { report: mut one } | Self::Inject(mut one) => {
                one.params.insert(SEED.to_owned(), one.seed.to_string());
                vec![Recorded {
                    name: one.name,
                    kind: one.kind,
                    params: given(one.params),
                }]
            }
        }
    }
}

fn place(file: &Path, path: &str) -> Place {
    Place {
        file: Some(file.display().to_string()),
        path: path.to_owned(),
        ..Place::default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::fault;
    use crate::cli::failure::CliError;

    const LOSS: &str = r#""kind": "net.loss", "params": {"target": "pid:7", "duration": "5s"}"#;

    /// What is injected again, or what is said instead.
    fn check(report: &str, expected: Result<&str, &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        std::fs::write(&path, report).unwrap();
        let found = fault(None, Some(&path)).map(|args| {
            let spec = args.spec().unwrap();
            format!("{} {:?}", spec.kind(), spec.common.seed)
        });
        let said = |error: CliError| match error {
            CliError::Problems(problems) => problems.0[0].message.clone(),
            other => other.to_string(),
        };
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found.map_err(said), expected, "{report}");
    }

    #[test]
    fn what_inject_printed_is_done_again_with_its_seed() {
        let report = format!("{{\"name\": null, {LOSS}, \"seed\": 7, \"state\": 1}}");
        check(&report, Ok("net.loss Some(7)"));
        check(
            &format!("{{\"plan\": 1, \"report\": {report}}}"),
            Ok("net.loss Some(7)"),
        );
    }

    #[test]
    fn one_fault_of_a_run_is_done_again_and_of_several_none() {
        let asked = r#""asked": {"target": "pid:7", "duration": "5s", "seed": "9"}"#;
        let one = format!(r#"{{"name": "a", "kind": "net.loss", {asked}}}"#);
        let other = one.replace("\"a\"", "\"b\"");
        let run = |faults: &str| format!("{{\"format\": 1, \"faults\": [{faults}]}}");
        check(&run(&one), Ok("net.loss Some(9)"));
        check(&run(&format!("{one}, {one}")), Ok("net.loss Some(9)"));
        let several = Err("2 faults are in this report");
        check(&run(&format!("{one}, {other}")), several);
        check(&run(""), Err("0 faults are in this report"));
    }

    #[test]
    fn what_is_no_report_is_said_to_be_none() {
        let message = "this is not a report with faults that can be replayed";
        check("{}", Err(message));
        check("not JSON", Err(message));
        let missing = fault(None, Some(Path::new("/nowhere")));
        assert!(matches!(missing, Err(CliError::Read { .. })), "{missing:?}");
    }
}
