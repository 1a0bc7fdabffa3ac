//! Programs that are executed and processes that end, however many.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use injector_core::telemetry::Signal;
use injector_user::sys::poll;
use nix::sys::signal::Signal as Posix;
use temblor_tests::{Client, signal};

use super::scene::{Scene, check_counted, count, lost};

#[test]
fn every_exec_and_exit_is_counted_by_how_it_ended() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(&[Signal::Life])?;
    scene.run("true", &[])?;
    scene.run("false", &[])?;
    scene.run("sh", &["-c", "exit 42"])?;
    scene.run("sh", &["-c", "kill -KILL $$"])?;
    let frame = client.frame()?;
    let exits = |code: &str, signal: &str| count(&frame, "exits", &[&label, code, signal]);
    assert_eq!(count(&frame, "execs", &[&label])?, 4);
    assert_eq!(exits("0", "none")?, 1);
    assert_eq!(exits("1", "none")?, 1);
    assert_eq!(exits("42", "none")?, 1);
    assert_eq!(exits("0", "SIGKILL")?, 1);
    drop(client);
    scene.close()
}

/// Processes in the storm.
const STORM: u64 = 3_000;
/// What the engine may grow by meanwhile, in KiB.
pub(super) const GROWTH: u64 = 8 * 1024;

#[test]
fn a_storm_of_short_lived_processes_is_counted_whole_in_bounded_memory() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let signals = [Signal::Life, Signal::Syscalls, Signal::Scheduler];
    let mut client = scene.observe(&signals)?;
    storm(&scene, 50)?;
    client.frame()?;
    let before = resident_kib(scene.stage.engine.pid())?;
    storm(&scene, STORM)?;
    let frame = client.frame()?;
    let ended = count(&frame, "exits", &[&label, "7", "none"])?;
    check_counted(&frame, ended, STORM + 50)?;
    assert_eq!(lost(&frame)?, 0);
    let after = resident_kib(scene.stage.engine.pid())?;
    assert!(after < before + GROWTH, "{before} KiB became {after} KiB");
    drop(client);
    scene.close()
}

/// So many children that end with 7.
fn storm(scene: &Scene, count: u64) -> Result<()> {
    let script = format!("i=0; while [ $i -lt {count} ]; do (exit 7); i=$((i+1)); done");
    scene.run("sh", &["-c", &script]).map(drop)
}

/// Who makes processes at the same time.
const FORKERS: usize = 4;
/// How long they do so.
const FULL_SPEED: Duration = Duration::from_secs(4);

#[test]
fn processes_that_come_and_go_at_full_speed_are_counted_or_told_as_lost() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(&[Signal::Life, Signal::Syscalls, Signal::Scheduler])?;
    storm(&scene, 50)?;
    let exits = |client: &mut Client| -> Result<u64> {
        count(&client.frame()?, "exits", &[&label, "7", "none"])
    };
    let (first, before) = (exits(&mut client)?, resident_kib(scene.stage.engine.pid())?);
    let forkers = (0..FORKERS).map(|_| Forker::start(&scene));
    let forkers = forkers.collect::<Result<Vec<_>>>()?;
    poll::wait_readable([], FULL_SPEED)?;
    let mut made = 0;
    for forker in forkers {
        made += forker.end()?;
    }
    ensure!(made > 0, "nobody made any");
    let frame = client.frame()?;
    let seen = count(&frame, "exits", &[&label, "7", "none"])? - first;
    assert!(seen <= made, "{seen} of {made}");
    // Of what is lost, some is others'.
    check_counted(&frame, made.min(seen + lost(&frame)?), made)?;
    let after = resident_kib(scene.stage.engine.pid())?;
    assert!(after < before + GROWTH, "{before} KiB became {after} KiB");
    drop(client);
    scene.close()
}

/// A shell that makes children which end with 7, until it is told to stop.
struct Forker(Child);

impl Forker {
    fn start(scene: &Scene) -> Result<Self> {
        let script = r#"echo 0 > "$0"; on=yes; trap 'on=no' TERM; i=0
            while [ $on = yes ]; do (exit 7); i=$((i+1)); done; echo $i"#;
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command.arg(scene.cgroup.folder().join("cgroup.procs"));
        command.stdout(Stdio::piped());
        Ok(Self(command.spawn()?))
    }

    /// How many it has made, all of which have ended.
    fn end(mut self) -> Result<u64> {
        signal(i32::try_from(self.0.id())?, Posix::SIGTERM)?;
        let mut made = String::new();
        let says = self.0.stdout.as_mut().context("its output")?;
        says.read_to_string(&mut made)?;
        self.0.wait()?;
        made.trim()
            .parse()
            .with_context(|| format!("a number: {made}"))
    }
}

impl Drop for Forker {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

pub(super) fn resident_kib(pid: i32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("resident memory")?.parse()?)
}
