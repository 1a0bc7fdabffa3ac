//! One experiment, run by both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use temblor_tests::{Web, temblor_program};

/// What there is in each folder beforehand, and what is said on the command line.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    pub(super) experiment: Value,
    pub(super) flags: Vec<String>,
    pub(super) files: Vec<(&'static str, String)>,
    pub(super) environment: Vec<(&'static str, &'static str)>,
    /// Who is called.
    pub(super) web: Option<Web>,
    /// Where we are different on purpose.
    pub(super) ours: &'static [&'static str],
}

/// What one of them made of it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) code: Option<i32>,
    pub(super) journal: Value,
    pub(super) files: BTreeMap<String, String>,
    pub(super) asked: Vec<Value>,
}

/// What the tools write for themselves.
const OWN: [&str; 4] = ["experiment.json", "journal.json", "log", "temblor-out"];

impl Case {
    pub(super) fn of(experiment: Value) -> Self {
        Self {
            experiment,
            ..Self::default()
        }
    }

    /// By the toolkit, and by us with its exit codes.
    pub(super) fn run(&self) -> Result<[Made; 2]> {
        Ok([
            self.run_theirs()?,
            self.run_ours(&["--compat", "chaostoolkit"])?,
        ])
    }

    pub(super) fn run_theirs(&self) -> Result<Made> {
        self.run_with(
            |command, folder| {
                command.arg("--log-file").arg(folder.join("log"));
                command.args(["--no-version-check", "--settings", "none", "run"]);
            },
            "chaos".as_ref(),
        )
    }

    /// With these flags besides.
    pub(super) fn run_ours(&self, flags: &[&str]) -> Result<Made> {
        self.run_with(
            |command, folder| {
                command.arg("--run-dir").arg(folder.join("temblor-out"));
                command.arg("run").args(flags);
            },
            &temblor_program()?,
        )
    }

    fn run_with(&self, begin: impl FnOnce(&mut Command, &Path), program: &Path) -> Result<Made> {
        let folder = tempfile::tempdir()?;
        let folder = folder.path();
        fs::write(folder.join("experiment.json"), self.experiment.to_string())?;
        for (name, content) in &self.files {
            fs::write(folder.join(name), content)?;
        }
        let mut command = Command::new(program);
        begin(&mut command, folder);
        let before = self.asked().len();
        command
            .args(&self.flags)
            .arg("experiment.json")
            .envs(self.environment.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null());
        let said = command
            .output()
            .with_context(|| program.display().to_string())?;
        let journal = fs::read_to_string(folder.join("journal.json"));
        let journal = journal.map_or(Value::Null, |text| {
            serde_json::from_str(&text).unwrap_or(Value::Null)
        });
        Ok(Made {
            code: said.status.code(),
            journal: comparable(&journal),
            files: left(folder)?,
            asked: self.asked().split_off(before),
        })
    }

    /// By everybody so far, but for what each library says of itself.
    fn asked(&self) -> Vec<Value> {
        let asked = self.web.iter().flat_map(Web::asked);
        let told = asked.map(|one| {
            let kept = one
                .headers
                .into_iter()
                .filter(|(name, _)| name.starts_with("x-") || name == "content-type");
            let headers: BTreeMap<_, _> = kept.collect();
            // However it is written.
            let body: Value = serde_json::from_slice(&one.body)
                .unwrap_or_else(|_text| String::from_utf8_lossy(&one.body).into());
            json!({ "method": one.method, "path": one.path, "headers": headers, "body": body })
        });
        told.collect()
    }

    /// What differs, if something does but what does on purpose.
    fn difference(&self) -> Result<Option<String>> {
        let [theirs, ours] = self.run()?;
        let mut found = theirs.differences(&ours);
        for path in self.ours {
            let count = found.len();
            found.retain(|difference| !difference.starts_with(path));
            ensure!(found.len() < count, "{path} is the same in both");
        }
        let flags = self.flags.join(" ");
        let told = || format!("{} {flags}\n  {}", self.experiment, found.join("\n  "));
        Ok((!found.is_empty()).then(told))
    }
}

impl Made {
    /// Where another one is not the same.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        differences("", &self.whole(), &other.whole(), &mut found);
        found
    }

    fn whole(&self) -> Value {
        json!({
            "code": self.code,
            "files": self.files,
            "journal": self.journal,
            "asked": self.asked,
        })
    }
}

/// Where two values are not the same: theirs, and ours.
fn differences(path: &str, theirs: &Value, ours: &Value, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let members = [one, other].map(|all| all.get(name).unwrap_or(&Value::Null));
                differences(&format!("{path}/{name}"), members[0], members[1], found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (theirs, ours)) in one.iter().zip(other).enumerate() {
                differences(&format!("{path}/{index}"), theirs, ours, found);
            }
        }
        _ if theirs == ours => {}
        _ => found.push(format!("{path}: {theirs}, ours {ours}")),
    }
}

fn left(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !OWN.contains(&&*name) {
            files.insert(name, fs::read_to_string(entry.path())?);
        }
    }
    Ok(files)
}

/// Without times, versions and words.
fn comparable(journal: &Value) -> Value {
    let journal = &as_written(journal.clone());
    let Some(members) = journal.as_object() else {
        return Value::Null;
    };
    let keys: Vec<&String> = members.keys().filter(|key| *key != "temblor").collect();
    let mut sorted = keys;
    sorted.sort();
    let states = &journal["steady_states"];
    json!({
        "keys": sorted,
        "experiment": journal["experiment"],
        "status": journal["status"],
        "deviated": journal["deviated"],
        "before": state(&states["before"]),
        "after": state(&states["after"]),
        "run": all(&journal["run"]),
        "rollbacks": all(&journal["rollbacks"]),
    })
}

/// Where a probe judges another one's answer, the toolkit writes that answer into the experiment.
fn as_written(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = as_written(item.take())),
        Value::Object(members) => {
            let judge = members
                .get_mut("tolerance")
                .and_then(|one| one.get_mut("provider"));
            let arguments = judge.and_then(|provider| provider.get_mut("arguments"));
            arguments.and_then(|all| all.as_object_mut()?.remove("value"));
            members
                .values_mut()
                .for_each(|one| *one = as_written(one.take()));
        }
        _scalar => {}
    }
    value
}

fn state(state: &Value) -> Value {
    if state.is_null() {
        return Value::Null;
    }
    json!({ "met": state["steady_state_met"], "probes": all(&state["probes"]) })
}

/// In their order; who begins first of what runs in the background is nobody's promise.
fn all(played: &Value) -> Value {
    let mut played: Vec<&Value> = played.as_array().into_iter().flatten().collect();
    played.sort_by_key(|one| {
        let activity = &one["activity"];
        let name = activity["background"].as_bool().unwrap_or_default();
        name.then(|| activity["name"].to_string())
    });
    let one = |one: &Value| {
        let keys: Vec<&String> = one
            .as_object()
            .into_iter()
            .flat_map(|one| one.keys())
            .collect();
        let mut sorted = keys;
        sorted.sort();
        json!({
            "keys": sorted,
            "activity": one["activity"],
            "output": one["output"],
            "status": one["status"],
            "tolerance_met": one["tolerance_met"],
        })
    };
    played.into_iter().map(one).collect()
}

/// Runs them all, some at a time, and fails with everything that differs.
pub(super) fn check(cases: &[Case]) -> Result<()> {
    let mut different = Vec::new();
    for some in cases.chunks(4) {
        let found: Vec<Result<Option<String>>> = thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|case| scope.spawn(|| case.difference()))
                .collect();
            let joined = running.into_iter().map(ScopedJoinHandle::join);
            joined
                .map(|one| one.unwrap_or_else(|_panic| Err(anyhow::anyhow!("it panicked"))))
                .collect()
        });
        for one in found {
            different.extend(one?);
        }
    }
    ensure!(
        different.is_empty(),
        "{} of {} differ:\n{}",
        different.len(),
        cases.len(),
        different.join("\n")
    );
    Ok(())
}
