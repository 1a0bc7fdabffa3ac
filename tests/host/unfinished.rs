//! `temblor run` is killed: what was done is known, and what is left to do is offered or done.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use temblor_tests::{temblor_program, wait_until};

use crate::stage::DEADLINE;
use tempfile::TempDir;

/// In the order in which they are done.
const STEPS: [&str; 5] = ["healthy", "one", "two", "undo-one", "undo-two"];

/// Where in a step the runner is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// While it is done.
    Within,
    /// When it is done, and nothing else was begun.
    After,
}

/// Writes its name down, and kills the runner if it is told to.
fn step(name: &str) -> Value {
    let script = format!(
        "echo {name} >> done\n\
         test \"$KILL\" = {name}-Within && kill -9 $PPID\n\
         test \"$KILL\" = {name}-After && {{ (sleep 0.3; kill -9 $PPID) > /dev/null 2>&1 & }}\n\
         exit 0"
    );
    let provider = json!({ "type": "process", "path": "sh", "arguments": ["-c", script] });
    json!({ "type": "action", "name": name, "provider": provider })
}

fn experiment() -> Value {
    let mut probe = step("healthy");
    probe["type"] = json!("probe");
    probe["tolerance"] = json!(0);
    json!({
        "title": "killed", "description": "d",
        "steady-state-hypothesis": { "title": "h", "probes": [probe] },
        "method": [step("one"), step("two")],
        "rollbacks": [step("undo-one"), step("undo-two")],
        "runtime": {
            "hypothesis": { "strategy": "before-method-only" },
            "rollbacks": { "strategy": "always" },
        },
    })
}

/// The experiment in a folder of its own.
fn folder(mut experiment: Value, kill: &str) -> Result<TempDir> {
    // Long enough to be killed in.
    if let Some(name) = kill.strip_suffix("-After") {
        for list in ["method", "rollbacks"] {
            let steps = experiment[list].as_array_mut().context("a list")?;
            for step in steps.iter_mut().filter(|step| step["name"] == name) {
                step["pauses"] = json!({ "after": 600 });
            }
        }
    }
    let folder = TempDir::new()?;
    fs::write(folder.path().join("e.json"), experiment.to_string())?;
    Ok(folder)
}

fn run(folder: &Path, flags: &[&str], kill: &str) -> Result<Output> {
    let mut command = Command::new(temblor_program()?);
    command.arg("run").args(flags).arg("e.json");
    let command = command.current_dir(folder).env("KILL", kill);
    Ok(command.output()?)
}

/// What the steps have written.
fn done(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("done")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn files(folder: &Path, part: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.contains(part) {
            found.push(path);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_str(&text)?)
}

/// The journal of the only run that was killed.
fn interrupted(folder: &Path) -> Result<Value> {
    let found = files(folder, "-interrupted-")?;
    ensure!(found.len() == 1, "{found:?}");
    read(&found[0])
}

/// Names and how each ended.
fn ended(list: &Value) -> Vec<String> {
    let of = |played: &Value| {
        let (name, status) = (&played["activity"]["name"], &played["status"]);
        format!(
            "{} {}",
            name.as_str().unwrap_or("?"),
            status.as_str().unwrap_or("?")
        )
    };
    list.as_array().into_iter().flatten().map(of).collect()
}

/// What is known of those steps of a kind that were begun.
fn expected(of: &[&str], killed: usize, moment: Moment) -> Vec<String> {
    let begun = STEPS.iter().take(killed + 1).enumerate();
    let begun = begun.filter(|(_index, name)| of.contains(name));
    let ended = begun.map(|(index, name)| match moment {
        Moment::Within if index == killed => format!("{name} aborted"),
        _ => format!("{name} succeeded"),
    });
    ended.collect()
}

#[test]
fn a_run_that_is_killed_at_any_step_is_told_of_and_its_rollbacks_are_played_once() -> Result<()> {
    for (killed, name) in STEPS.into_iter().enumerate() {
        for moment in [Moment::Within, Moment::After] {
            if (killed, moment) == (0, Moment::After) {
                // There is no pause after a probe of the hypothesis.
                continue;
            }
            check_killed(killed, name, moment).with_context(|| format!("{name}, {moment:?}"))?;
        }
    }
    Ok(())
}

fn check_killed(killed: usize, name: &str, moment: Moment) -> Result<()> {
    let kill = format!("{name}-{moment:?}");
    let folder = folder(experiment(), &kill)?;
    let path = folder.path();
    let output = run(path, &[], &kill)?;
    ensure!(output.status.signal() == Some(9), "{output:?}");
    assert_eq!(done(path), STEPS[..=killed]);
    assert!(!path.join("journal.json").exists());
    assert_eq!(files(path, ".unfinished")?.len(), 1);

    // The same experiment without its long pause.
    fs::write(path.join("e.json"), experiment().to_string())?;
    fs::remove_file(path.join("done"))?;
    let output = run(path, &["--dry", "activities"], "")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(told.contains("was interrupted"), "{told}");
    let journal = interrupted(path)?;
    assert_eq!(journal["status"], "interrupted");
    assert_eq!(
        ended(&journal["run"]),
        expected(&["one", "two"], killed, moment)
    );
    let rollbacks = expected(&["undo-one", "undo-two"], killed, moment);
    assert_eq!(ended(&journal["rollbacks"]), rollbacks);

    let succeeded = |name: &&str| rollbacks.contains(&format!("{name} succeeded"));
    let left: Vec<_> = STEPS[3..]
        .iter()
        .copied()
        .filter(|name| !succeeded(name))
        .collect();
    for name in &left {
        ensure!(told.contains(&format!("`{name}`")), "{name}: {told}");
    }
    assert_eq!(
        files(path, ".unfinished")?.len(),
        usize::from(!left.is_empty())
    );
    assert!(done(path).is_empty(), "nothing was to be done");

    let output = run(path, &["--unfinished", "rollback"], "")?;
    ensure!(output.status.success(), "{output:?}");
    assert_eq!(done(path), [left, STEPS.to_vec()].concat());
    assert_eq!(files(path, ".unfinished")?, Vec::<PathBuf>::new());
    let played = ended(&interrupted(path)?["rollbacks"]);
    for name in &STEPS[3..] {
        let count = played
            .iter()
            .filter(|one| **one == format!("{name} succeeded"))
            .count();
        assert_eq!(count, 1, "{name}: {played:?}");
    }
    Ok(())
}

#[test]
fn what_was_left_can_be_forgotten() -> Result<()> {
    let folder = folder(experiment(), "two-Within")?;
    let path = folder.path();
    run(path, &[], "two-Within")?;
    fs::remove_file(path.join("done"))?;
    let output = run(path, &["--unfinished", "forget"], "")?;
    ensure!(output.status.success(), "{output:?}");
    assert_eq!(done(path), STEPS);
    assert_eq!(files(path, ".unfinished")?, Vec::<PathBuf>::new());
    assert_eq!(interrupted(path)?["status"], "interrupted");
    Ok(())
}

#[test]
fn rollbacks_that_are_never_to_be_played_are_not_offered() -> Result<()> {
    let mut never = experiment();
    never["runtime"]["rollbacks"]["strategy"] = json!("never");
    let folder = folder(never, "two-Within")?;
    let path = folder.path();
    run(path, &[], "two-Within")?;
    let output = run(path, &[], "")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        told.contains("was interrupted") && !told.contains("undo-one"),
        "{told}"
    );
    assert_eq!(files(path, ".unfinished")?, Vec::<PathBuf>::new());
    Ok(())
}

#[test]
fn one_that_runs_is_not_taken_for_one_that_was_killed() -> Result<()> {
    let mut waits = experiment();
    let script = "touch begun; while ! test -e go; do sleep 0.05; done";
    waits["method"][0]["provider"]["arguments"] = json!(["-c", script]);
    let folder = folder(waits, "")?;
    let path = folder.path();
    let mut command = Command::new(temblor_program()?);
    command.args(["run", "e.json"]).current_dir(path);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = command.spawn()?;
    wait_until("it is in its method", DEADLINE, || {
        path.join("begun").exists()
    })?;
    let output = run(
        path,
        &["--unfinished", "rollback", "--dry", "activities"],
        "",
    )?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && !told.contains("interrupted"),
        "{told}"
    );
    fs::write(path.join("go"), "")?;
    ensure!(first.wait()?.success());
    assert_eq!(files(path, ".unfinished")?, Vec::<PathBuf>::new());
    Ok(())
}

#[test]
fn a_journal_that_cannot_be_written_is_known_before_anything_is_done() -> Result<()> {
    let folder = folder(experiment(), "")?;
    let path = folder.path();
    let output = run(path, &["--journal-path", "e.json/journal.json"], "")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(
        !output.status.success() && told.contains("failed to write"),
        "{told}"
    );
    assert!(done(path).is_empty());
    Ok(())
}
