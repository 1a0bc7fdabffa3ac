//! What a target logs while a real fault acts, and while none does.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use temblor_tests::{Cgroup, alone, is_running, params, signal, temblor_program};

use super::stage::Stage;

/// A process that logs what it is told to, into a file. Ended with this value.
pub(super) struct Writer {
    child: Child,
    tell: Option<ChildStdin>,
}

impl Writer {
    pub(super) fn start(log: &Path) -> Result<Self> {
        let mut command = Command::new("sh");
        command
            .args(["-c", "while read line; do echo \"$line\"; done"])
            .stdin(Stdio::piped())
            .stdout(File::create(log)?)
            .stderr(Stdio::null());
        let mut child = command.spawn()?;
        let tell = child.stdin.take();
        Ok(Self { child, tell })
    }

    pub(super) fn log(&mut self, line: &str) -> Result<()> {
        let tell = self.tell.as_mut().context("it reads until it is ended")?;
        Ok(writeln!(tell, "{line}")?)
    }

    pub(super) fn target(&self) -> String {
        format!("pid:{}", self.child.id())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It ends by itself when nobody tells it anything any more.
        drop(self.tell.take());
        let ended = self.child.wait();
        assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}

/// `temblor logs` that has begun.
struct Following {
    child: Child,
    notes: BufReader<ChildStderr>,
}

impl Following {
    fn begun(mut child: Child) -> Result<Self> {
        let notes = child.stderr.take().context("stderr is piped")?;
        let notes = BufReader::new(notes);
        let mut following = Self { child, notes };
        following.await_note("following ")?;
        Ok(following)
    }

    /// Waits until it says that it has counted so many lines.
    fn await_lines(&mut self, count: usize) -> Result<()> {
        self.await_note(&format!(": {count} lines, "))
    }

    fn await_note(&mut self, part: &str) -> Result<()> {
        let mut note = String::new();
        while !note.contains(part) {
            note.clear();
            ensure!(self.notes.read_line(&mut note)? > 0, "it ended by itself");
        }
        Ok(())
    }

    /// Ends it as Ctrl-C does.
    fn end(self) -> Result<Value> {
        signal(self.child.id().cast_signed(), Signal::SIGINT)?;
        let output = self.child.wait_with_output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

const WORDS: [&str; 5] = ["logs", "--json", "--verbose", "--duration", "1h"];

/// Text, lines, those while no fault acted, and those in each fault's time.
fn templates(value: &Value) -> Result<Vec<Value>> {
    let all = value["summary"]["templates"].as_array().context("a list")?;
    let row = |one: &Value| json!([one["template"], one["lines"], one["calm"], one["during"]]);
    Ok(all.iter().map(row).collect())
}

#[test]
fn lines_are_counted_to_the_fault_that_acted_when_they_came() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "logs")?;
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let mut writer = Writer::start(&folder.path().join("app.log"))?;
    cgroup.enter(writer.child.id().cast_signed())?;
    let target = cgroup.target();
    let words = [&WORDS[..], &[&*target]].concat();
    let mut following = Following::begun(stage.cli().start(&words)?)?;
    let mut written = 0;
    let mut say = |line: &str, times: usize| -> Result<()> {
        (0..times).try_for_each(|_| writer.log(line))?;
        written += times;
        following.await_lines(written)
    };
    say("INFO request 1 is done", 3)?;
    let mut client = stage.engine.client()?;
    let given = params([("target", &*stage.client_netns()), ("duration", "60s")]);
    let armed = client.arm(Kind::NetLoss, &given)?;
    say("ERROR request 2 failed", 4)?;
    say("INFO request 3 is done", 1)?;
    client.stop_one(&armed)?;
    say("INFO request 4 is done", 2)?;
    let value = following.end()?;
    let expected = [
        json!(["INFO request <num> is done", 6, 5, [1]]),
        json!(["ERROR request <num> failed", 4, 0, [4]]),
    ];
    assert_eq!(templates(&value)?, expected, "{value:#}");
    let fault = &value["summary"]["faults"][0];
    assert_eq!(fault["fault"], json!(armed.fault));
    let counted = (&fault["kind"], &fault["lines"]);
    assert_eq!(counted, (&json!("net.loss"), &json!(5)));
    assert_eq!(value["faults_unknown"], Value::Null);
    drop(writer);
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn the_journal_of_a_unit_is_read_by_a_journalctl_that_ends_with_us() -> Result<()> {
    let _alone = alone()?;
    let unit = Cgroup::make(Flavour::V2, "web.service")?;
    let name = unit.path().replace('/', "");
    let folder = tempfile::tempdir()?;
    let (program, pid) = (folder.path().join("journalctl"), folder.path().join("pid"));
    let script = format!(
        "#!/bin/sh\n\
         echo $$ > {}\n\
         echo '{{\"MESSAGE\":\"'$6' broke\",\"PRIORITY\":\"3\"}}'\n\
         echo '{{\"MESSAGE\":\"WARN it may break\",\"PRIORITY\":\"6\"}}'\n\
         exec sleep 1000\n",
        pid.display()
    );
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let path = std::env::var("PATH")?;
    let mut command = Command::new(temblor_program()?);
    command
        .args(WORDS)
        .arg(format!("unit:{name}"))
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env("TEMBLOR_RUN_DIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut following = Following::begun(command.spawn()?)?;
    following.await_lines(2)?;
    let value = following.end()?;
    let expected = [
        json!([
            format!("{} broke", name.replace(|c: char| c.is_ascii_digit(), "")),
            1,
            1,
            []
        ]),
        json!(["WARN it may break", 1, 1, []]),
    ];
    let mut found = templates(&value)?;
    // What differs from one run to the next is masked.
    for one in &mut found {
        one[0] = json!(one[0].as_str().unwrap_or_default().replace("<num>", ""));
    }
    assert_eq!(found, expected, "{value:#}");
    let levels = [
        &value["summary"]["levels"][0],
        &value["summary"]["levels"][1],
    ];
    let levels = levels.map(|one| (one["level"].clone(), one["lines"].clone()));
    let expected = [(json!("error"), json!(1)), (json!("warning"), json!(1))];
    assert_eq!(levels, expected);
    let followed = json!(format!("journal of {name}"));
    assert_eq!(value["followed"][0]["source"], followed);
    let journalctl: i32 = fs::read_to_string(pid)?.trim().parse()?;
    assert!(!is_running(journalctl), "it has outlived us");
    Ok(())
}

const ID: &str = "668c88cb52ca6d0ed57e3e7d9f57711b112721c3c0d48c6bec80be72add27569";

/// A container runtime of a few lines, which has one container with two lines to say.
fn serve(listener: &UnixListener) -> Result<()> {
    let mut open = Vec::new();
    for stream in listener.incoming() {
        let mut stream = stream?;
        let path = asked(&stream)?;
        let (body, goes_on) = answer(&path);
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_bytes();
        stream.write_all(&[head, &body].concat())?;
        // The one that follows waits for more.
        open.extend(goes_on.then_some(stream));
    }
    Ok(())
}

/// The path that is asked for.
fn asked(stream: &UnixStream) -> Result<String> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().context("a request")??;
    while !lines.next().context("a head")??.is_empty() {}
    Ok(first.split(' ').nth(1).unwrap_or_default().to_owned())
}

fn answer(path: &str) -> (Vec<u8>, bool) {
    let value = if path.contains("/logs?") {
        let frames = [frame(1, "INFO it is up\n"), frame(2, "ERROR it broke\n")];
        return (frames.concat(), true);
    } else if path.ends_with("/version") {
        json!({ "ApiVersion": "1.44" })
    } else if path.contains(ID) {
        json!({ "State": { "Running": true }, "Config": { "Tty": false } })
    } else {
        json!([{ "Id": ID, "Names": ["/web"] }])
    };
    (value.to_string().into_bytes(), false)
}

fn frame(stream: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    [&[stream, 0, 0, 0, 0, 0, 0, length], text.as_bytes()].concat()
}

#[test]
fn the_output_of_a_container_is_read_by_its_name() -> Result<()> {
    let _alone = alone()?;
    let cgroup = Cgroup::make(Flavour::V2, "runtime")?;
    let container = cgroup.folder().join(ID);
    fs::create_dir(&container)?;
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("docker.sock");
    let listener = UnixListener::bind(&socket)?;
    std::thread::spawn(move || serve(&listener));
    let mut command = Command::new(temblor_program()?);
    command
        .args(WORDS)
        .arg("container:web")
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .env("TEMBLOR_RUN_DIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut following = Following::begun(command.spawn()?)?;
    following.await_lines(2)?;
    let value = following.end()?;
    fs::remove_dir(&container)?;
    let expected = [
        json!(["ERROR it broke", 1, 1, []]),
        json!(["INFO it is up", 1, 1, []]),
    ];
    assert_eq!(templates(&value)?, expected, "{value:#}");
    let source = &value["followed"][0]["source"];
    assert_eq!(source, &json!("output of container web"));
    Ok(())
}
