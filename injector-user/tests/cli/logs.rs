//! Following logs, beside an engine that only talks and without one.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::engine::Double;
use crate::temblor::Temblor;

/// A command that follows, until it is told to end.
struct Following {
    child: Child,
    notes: BufReader<ChildStderr>,
}

impl Following {
    /// Waits until it follows `sources`.
    fn start(temblor: &Temblor, words: &[&str], sources: usize) -> Self {
        let fixed = ["logs", "--json", "--verbose", "--duration", "1h"];
        let mut command = temblor.command(&[&fixed, words].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut notes = BufReader::new(child.stderr.take().unwrap());
        for _ in 0..sources {
            let mut note = String::new();
            notes.read_line(&mut note).unwrap();
            assert!(note.contains("following "), "{note}");
        }
        Self { child, notes }
    }

    /// Ends it as Ctrl-C does.
    fn end(mut self) -> Value {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).unwrap();
        let mut notes = String::new();
        self.notes.read_to_string(&mut notes).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let is_progress = |note: &str| note.contains(" of 1h: ");
        assert!(
            output.status.success() && notes.lines().all(is_progress),
            "{notes}"
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn append(path: &Path, text: &str) {
    let file = OpenOptions::new().append(true).open(path);
    file.unwrap().write_all(text.as_bytes()).unwrap();
}

/// What is said of each level or template, without times.
fn counted(value: &Value, what: &str) -> Vec<Value> {
    let shares = value["summary"][what].as_array().unwrap().iter();
    let counted = shares.map(|one| {
        let name = one.get("template").unwrap_or(&one["level"]);
        json!([name, one["lines"], one["calm"], one["during"]])
    });
    counted.collect()
}

#[test]
fn lines_of_a_file_are_counted_by_level_template_and_fault() {
    let temblor = Temblor::new();
    let _double = Double::new(0).armed().on(temblor.run_dir.path());
    let path = temblor.run_dir.path().join("app.log");
    fs::write(&path, "ERROR before\n").unwrap();
    let file = path.to_str().unwrap();
    let following = Following::start(&temblor, &["--file", file], 1);
    append(
        &path,
        "INFO job 1 is done\nINFO job 2 is done\nERROR job 3 failed\n",
    );
    let value = following.end();
    let levels = [json!(["error", 1, 0, [1]]), json!(["info", 2, 0, [2]])];
    assert_eq!(counted(&value, "levels"), levels);
    let templates = [
        json!(["INFO job <num> is done", 2, 0, [2]]),
        json!(["ERROR job <num> failed", 1, 0, [1]]),
    ];
    assert_eq!(counted(&value, "templates"), templates);
    let fault = &value["summary"]["faults"][0];
    let expected = (&json!("net.loss-1"), &json!("net.loss"), &json!(3));
    assert_eq!((&fault["fault"], &fault["kind"], &fault["lines"]), expected);
    assert_eq!(value["followed"][0]["source"], file);
    let nothing = (&value["target"], &value["faults_unknown"]);
    assert_eq!(nothing, (&Value::Null, &Value::Null));
}

#[test]
fn a_process_is_followed_where_its_output_is_a_file() {
    let temblor = Temblor::new();
    let path = temblor.run_dir.path().join("out");
    let mut writer = Command::new("sh")
        .args(["-c", "while read line; do echo \"$line\"; done"])
        .stdin(Stdio::piped())
        .stdout(File::create(&path).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let target = format!("pid:{}", writer.id());
    let following = Following::start(&temblor, &[&target], 1);
    let mut to = writer.stdin.take().unwrap();
    to.write_all(b"WARN low\n").unwrap();
    drop(to);
    writer.wait().unwrap();
    let value = following.end();
    let expected = [json!(["warning", 1, 1, []])];
    assert_eq!(counted(&value, "levels"), expected);
    let source = format!("{}, output of sh ({})", path.display(), writer.id());
    assert_eq!(value["followed"][0]["source"], source);
    let thrown_away = json!([{
        "source": format!("errors of sh ({})", writer.id()),
        "why": "it is thrown away (/dev/null)",
    }]);
    assert_eq!(value["unfollowed"], thrown_away);
}

#[track_caller]
fn check(words: &[&str], code: i32, err: &str) {
    let ran = Temblor::new().run(&[&["logs"], words].concat());
    assert_eq!(
        (ran.code, ran.err.trim_end(), ran.out.as_str()),
        (code, err, ""),
        "{words:?}"
    );
}

#[test]
fn what_is_asked_for_wrongly_is_said_at_once() {
    check(
        &["7", "--duration", "10"],
        2,
        "error: TARGET: `7` does not say what kind of target it is\n\
         hint: did you mean pid:7\n\
         error: --duration: `10` has no unit\n\
         hint: for example 10ms or 10s",
    );
    check(
        &["pid:7", "--duration", "0s"],
        2,
        "error: --duration: nothing is written in 0s\nhint: for example 10s",
    );
    check(
        &["iface:lo"],
        2,
        "error: iface:lo has no logs\n\
         hint: name who writes them: pid:, unit:, container:, cgroup:, comm:, exe: or user:",
    );
    check(
        &["pid:4194304"],
        2,
        "error: there is no pid:4194304\nhint: `temblor targets` lists what there is",
    );
    check(
        &["--file", "/no/such.log"],
        2,
        "error: --file: `/no/such.log` cannot be followed: \
         No such file or directory (os error 2)\n\
         hint: the path of a regular file that is there already",
    );
    let ran = Temblor::new().run(&["logs"]);
    assert!(ran.code == 2 && ran.err.contains("<TARGET>"), "{ran:?}");
}

#[test]
fn a_target_that_writes_only_to_pipes_is_refused_with_the_reason() {
    let mut cat = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It is `cat` once it answers.
    let mut to = cat.stdin.take().unwrap();
    to.write_all(b"x").unwrap();
    cat.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    let pid = cat.id();
    let why = "it is a pipe, which only its own reader can read";
    let ran = Temblor::new().run(&["logs", &format!("pid:{pid}")]);
    assert_eq!(ran.code, 3, "{ran:?}");
    for stream in ["output", "errors"] {
        let named = format!("{stream} of cat ({pid}): {why}");
        assert!(ran.err.contains(&named), "{ran:?}");
    }
    drop(to);
    cat.wait().unwrap();
}
