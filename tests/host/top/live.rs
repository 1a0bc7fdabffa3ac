//! What is seen of a victim and a fault, and what is left when nobody looks any more.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::Flavour;
use nix::sys::signal::Signal;
use temblor_tests::{Cgroup, Engine, signal, temblor_program, wait_until};

use super::pane::Pane;
use crate::bustle::Bustle;
use crate::stage::{DEADLINE, Stage};

/// Does something, or waits, in a cgroup of its own. Ended with this value.
struct Victim {
    child: Child,
    /// Goes after its process.
    cgroup: Cgroup,
}

impl Victim {
    fn start(name: &str, script: &str) -> Result<Self> {
        let cgroup = Cgroup::make(Flavour::V2, name)?;
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo 0 > \"$0\"; exec sh -c \"$1\""])
            .arg(cgroup.folder().join("cgroup.procs"))
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn()?;
        Ok(Self { child, cgroup })
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        assert!(std::thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}

/// Executes a program that finds no file and fails, again and again.
const BUSY: &str = "while :; do cat /no/such/file; sleep 0.02; done";
/// Waits for somebody to say something.
const CALM: &str = "read line";

/// A stage with both of them.
struct Scene {
    busy: Victim,
    calm: Victim,
    stage: Stage,
}

impl Scene {
    fn set() -> Result<Self> {
        let stage = Stage::set()?;
        Ok(Self {
            busy: Victim::start("busy", BUSY)?,
            calm: Victim::start("calm", CALM)?,
            stage,
        })
    }

    /// `temblor top` of both; when it has ended, the terminal says how, and what it is like then.
    fn top(&self, size: (u16, u16)) -> Result<Pane> {
        let program = temblor_program()?;
        let (program, folder) = (program.display(), self.stage.engine.run_dir().display());
        let (busy, calm) = (self.busy.cgroup.target(), self.calm.cgroup.target());
        let top = format!(
            "TEMBLOR_RUN_DIR={folder} DOCKER_HOST=unix:///nowhere \
             {program} top {busy} {calm} --interval 200ms"
        );
        Pane::open(&format!("{top}; echo ended $?; stty -a; read line"), size)
    }

    fn close(self) -> Result<()> {
        let Self { busy, calm, stage } = self;
        drop((busy, calm));
        stage.close()
    }
}

/// The line that begins with this target, if there is one.
fn row<'a>(text: &'a str, cgroup: &Cgroup) -> Option<(usize, &'a str)> {
    let end = cgroup.path();
    let end = end.rsplit('-').next().unwrap_or_default();
    let mut lines = text.lines().enumerate();
    lines.find(|(_number, line)| line.starts_with("cgroup:") && line.contains(&format!("-{end} ")))
}

/// Whether its calls are other than none, however many: `21k` is no number.
fn does_call(line: &str) -> bool {
    let calls = line.split_whitespace().nth(1);
    calls.is_some_and(|calls| {
        calls.starts_with(|digit: char| digit.is_ascii_digit()) && calls != "0.0"
    })
}

fn await_unobserved(stage: &Stage) -> Result<()> {
    wait_until("nobody observes any more", DEADLINE, || {
        let status = stage.engine.client().and_then(|mut client| client.status());
        status.is_ok_and(|(status, _faults)| status.observing == 0)
    })
    .map(drop)
}

/// The terminal reads lines and shows what is typed, as it did before.
fn await_restored(pane: &Pane) -> Result<()> {
    pane.await_text("it has ended well and the terminal is as before", |text| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_on = |word: &str| words.iter().any(|one| one.trim_end_matches(';') == word);
        text.contains("ended 0") && is_on("icanon") && is_on("echo")
    })
    .map(drop)
}

#[test]
fn a_victim_and_a_fault_are_seen_and_nothing_stays() -> Result<()> {
    let scene = Scene::set()?;
    let (busy, calm) = (&scene.busy.cgroup, &scene.calm.cgroup);
    let mut client = scene.stage.engine.client()?;
    let armed = scene.stage.arm(&mut client, Kind::NetLoss, &[])?;
    let pane = scene.top((80, 24))?;
    pane.await_text("the busy one is above the calm one", |text| {
        let rows = (row(text, busy), row(text, calm));
        let (Some((first, line)), Some((second, _calm))) = rows else {
            return false;
        };
        first < second && does_call(line)
    })?;
    pane.press(&["S"])?;
    pane.await_text("the order is turned round", |text| {
        let rows = (row(text, busy), row(text, calm));
        matches!(rows, (Some((first, _)), Some((second, _))) if first > second)
    })?;
    pane.press(&["/", "bus"])?;
    pane.press(&["Enter"])?;
    pane.await_text("only the busy one is left", |text| {
        row(text, busy).is_some() && row(text, calm).is_none()
    })?;
    pane.press(&["Enter"])?;
    pane.await_text("its calls with their errors", |text| {
        let calls = text.lines().filter(|line| line.starts_with("openat"));
        text.contains("code 1") && calls.into_iter().any(|line| line.contains("ENOENT"))
    })?;
    pane.resize((120, 40))?;
    pane.await_text("the whole new size is used", |text| {
        text.lines().count() == 40 && text.lines().any(|line| line.starts_with("q quit"))
    })?;
    pane.press(&["f"])?;
    let faults = pane.await_text("the fault", |text| text.contains(&armed.fault))?;
    let line = faults.lines().find(|line| line.starts_with(&armed.fault));
    let line = line.context("a row of the fault")?;
    assert!(line.contains("active") && line.contains("netns:"), "{line}");
    pane.press(&["q"])?;
    await_restored(&pane)?;
    await_unobserved(&scene.stage)?;
    client.stop_one(&armed)?;
    drop(pane);
    scene.close()
}

/// The number after these words, other than 0.
fn is_some(text: &str, words: &str) -> bool {
    let after = text.split(words).nth(1);
    let number = after.and_then(|rest| rest.split_whitespace().next());
    number.is_some_and(|number| {
        number.starts_with(|digit: char| digit.is_ascii_digit()) && number != "0.0"
    })
}

#[test]
fn something_of_every_kind_is_seen_of_the_host() -> Result<()> {
    let stage = Stage::set()?;
    let bustle = Bustle::start()?;
    let (program, folder) = (temblor_program()?, stage.engine.run_dir());
    let (program, folder) = (program.display(), folder.display());
    let top = format!("TEMBLOR_RUN_DIR={folder} {program} top host --interval 500ms; read line");
    let pane = Pane::open(&top, (140, 40))?;
    pane.await_text("the host", |text| text.contains("\nhost "))?;
    pane.press(&["Enter"])?;
    pane.await_text("all that it feels", |text| {
        let rates = ["exit/s ", "exec/s ", "acc/s ", "conn/s ", "rst/s "];
        let times = [
            "run queue ",
            "off cpu ",
            "disk ",
            "names ",
            "procs ",
            "mem ",
        ];
        let words = ["NXDOMAIN", "ENOENT", "PEER", "udp 53", "DISK", "\nwrite "];
        rates.iter().chain(&times).all(|words| is_some(text, words))
            && words.iter().all(|word| text.contains(word))
    })?;
    pane.press(&["q"])?;
    bustle.end()?;
    await_unobserved(&stage)?;
    drop(pane);
    stage.close()
}

#[test]
fn an_engine_that_ends_is_missed_and_another_one_is_found() -> Result<()> {
    let scene = Scene::set()?;
    let busy = &scene.busy.cgroup;
    let pane = scene.top((80, 24))?;
    pane.await_text("the busy one", |text| row(text, busy).is_some())?;
    signal(scene.stage.engine.pid(), Signal::SIGTERM)?;
    pane.await_text("there is no engine", |text| text.contains("no engine: "))?;
    let folder = scene.stage.engine.run_dir().to_owned();
    wait_until("it has ended", DEADLINE, || {
        !temblor_tests::is_running(scene.stage.engine.pid())
    })?;
    let netns = &scene.stage.world.host.netns;
    let another = Engine::start_at(&folder, netns)?;
    pane.await_text("the other engine's figures", |text| {
        let process = format!("process {}, figures", another.pid());
        text.contains(&process) && row(text, busy).is_some()
    })?;
    let top = procfs::process::all_processes()?.flatten();
    let shell = pane.pid()?;
    let mut top = top.filter_map(|process| process.stat().ok());
    let top = top.find(|stat| stat.ppid == shell && stat.comm == "temblor");
    signal(top.context("it runs")?.pid, Signal::SIGTERM)?;
    await_restored(&pane)?;
    drop(pane);
    another.end()?;
    scene.close()
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() -> Result<()> {
    let stage = Stage::set()?;
    let said = stage.cli().run(&["top"])?;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("temblor observe"), "{said:?}");
    stage.check_nothing_armed()?;
    stage.close()
}
