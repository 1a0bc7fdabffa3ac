//! What experiments do that nobody hopes for: they hang, write without end, begin too much, and fill the disk.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use temblor_tests::{is_running, temblor_program};
use tempfile::TempDir;

fn shell(name: &str, script: &str, more: &Value) -> Value {
    let mut provider = json!({ "type": "process", "path": "sh", "arguments": ["-c", script] });
    for (key, value) in more.as_object().into_iter().flatten() {
        provider[key] = value.clone();
    }
    json!({ "type": "action", "name": name, "provider": provider })
}

fn experiment(method: &[Value]) -> Value {
    let rollbacks = [shell("undo", "echo undone >> done", &Value::Null)];
    json!({
        "title": "hard", "description": "d", "method": method, "rollbacks": rollbacks,
        "runtime": { "rollbacks": { "strategy": "always" } },
    })
}

fn journal(folder: &Path) -> Result<Value> {
    let text = fs::read_to_string(folder.join("journal.json")).context("the journal")?;
    Ok(serde_json::from_str(&text)?)
}

/// By a shell that says something first, such as what it may use.
fn run(folder: &Path, experiment: &Value, first: &str) -> Result<Output> {
    fs::write(folder.join("e.json"), experiment.to_string())?;
    let mut command = Command::new("sh");
    let script = format!("{first} exec \"$0\" run --json e.json");
    command.args(["-c", &script]).arg(temblor_program()?);
    Ok(command.current_dir(folder).output()?)
}

fn statuses(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|played| played["status"].as_str())
        .collect()
}

#[test]
fn a_program_that_writes_a_gigabyte_is_read_to_its_end_and_not_kept() -> Result<()> {
    let folder = TempDir::new()?;
    let endless = "yes | head -c 1073741824; echo wrote > done";
    let made = experiment(&[shell("wordy", endless, &Value::Null)]);
    // Less than it writes.
    let output = run(folder.path(), &made, "ulimit -v 786432;")?;
    ensure!(output.status.success(), "{output:?}");
    assert_eq!(
        fs::read_to_string(folder.path().join("done"))?,
        "wrote\nundone\n"
    );
    let journal = journal(folder.path())?;
    assert_eq!(statuses(&journal["run"]), ["succeeded"]);
    let kept = journal["run"][0]["output"]["stdout"]
        .as_str()
        .unwrap_or_default();
    assert_eq!(kept.len(), 1 << 20);
    Ok(())
}

#[test]
fn who_hangs_or_ignores_signals_is_gone_after_its_timeout() -> Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path();
    let limit = json!({ "timeout": 1 });
    let made = experiment(&[
        shell("hangs", "echo $$ >> pids; exec sleep 1000", &limit),
        shell(
            "ignores",
            "trap '' TERM INT HUP; echo $$ >> pids; while :; do sleep 1; done",
            &limit,
        ),
        shell("leaves", "sleep 1000 & echo $! >> pids; wait", &limit),
    ]);
    let output = run(path, &made, "")?;
    let journal = journal(path)?;
    assert_eq!(statuses(&journal["run"]), ["failed"; 3], "{output:?}");
    assert_eq!(fs::read_to_string(path.join("done"))?, "undone\n");
    let pids = fs::read_to_string(path.join("pids"))?;
    assert_eq!(pids.lines().count(), 3);
    for pid in pids.lines() {
        ensure!(!is_running(pid.parse()?), "{pid} is still there");
    }
    Ok(())
}

#[test]
fn a_thousand_actions_in_the_background_are_done_at_once() -> Result<()> {
    let folder = TempDir::new()?;
    let background = |number: u32| {
        let waits = "ulimit -n >> begun; read word < gate; echo done";
        let mut action = shell(&format!("one of many {number}"), waits, &Value::Null);
        action["background"] = json!(true);
        action
    };
    let many = (0..1000).map(background);
    // Nobody goes on before all are there.
    let opens = "until [ $(wc -l < begun) -ge 1000 ]; do sleep 0.2; done; exec 3> gate";
    let all = many.chain([shell("opens", opens, &Value::Null)]);
    let made = experiment(&all.collect::<Vec<_>>());
    let output = run(folder.path(), &made, "mkfifo gate; ulimit -S -n 1024;")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{told}");
    let journal = journal(folder.path())?;
    assert_eq!(statuses(&journal["run"]), ["succeeded"; 1001]);
    let limits = fs::read_to_string(folder.path().join("begun"))?;
    assert!(limits.lines().all(|limit| limit == "1024"), "{limits}");
    Ok(())
}

#[test]
fn on_a_full_disk_the_experiment_is_ended_as_it_should_and_what_is_missing_is_said() -> Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path();
    // More than there is room for, kept in the journal.
    let fills = shell("fills", "yes | head -c 500000", &Value::Null);
    let undo = format!("echo undone >> {}/done", path.display());
    let mut made = experiment(&[fills]);
    made["rollbacks"] = json!([shell("undo", &undo, &Value::Null)]);
    fs::create_dir(path.join("small"))?;
    let program = temblor_program()?;
    fs::write(path.join("e.json"), made.to_string())?;
    let script = "mount -t tmpfs -o size=64k tmpfs small && cd small && \"$0\" run ../e.json; \
                  code=$?; ls; exit $code";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).arg(program);
    let output = command.current_dir(path).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(told.contains("No space left on device"), "{told}");
    ensure!(told.contains("not written down while it did"), "{told}");
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(fs::read_to_string(path.join("done"))?, "undone\n");
    // A part of a journal would be taken for a whole one.
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        !listed.lines().any(|name| name == "journal.json"),
        "{listed}"
    );
    Ok(())
}
