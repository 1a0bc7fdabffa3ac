//! Whoever may rename processes makes neither series nor rows by that.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use injector_core::telemetry::{Frame, Series, Signal, Value, named};
use temblor_tests::{Client, wait_until};

use super::life::{GROWTH, resident_kib};
use super::scene::{Scene, check_counted, count, lost, wanted};
use crate::stage::DEADLINE;

/// Of every name that is made up.
const PREFIX: &str = "tmblr";
const FEW: u32 = 50;
const MANY: u32 = 1_000;

/// A process that is called so many names, its children too, and by its own again in the end.
struct Renamer {
    child: Child,
    orders: ChildStdin,
    says: BufReader<ChildStdout>,
    name: String,
}

impl Renamer {
    fn start(scene: &Scene) -> Result<Self> {
        let name = format!("rn-{}", std::process::id());
        let script = r#"echo 0 > "$0"; printf %s "$1" > /proc/$$/comm; echo ready
            while read times; do
                i=0
                while [ $i -lt $times ]; do
                    printf %s "$2$i" > /proc/$$/comm
                    (printf %s "$2c$i" > /proc/self/comm; exit 0)
                    i=$((i+1))
                done
                printf %s "$1" > /proc/$$/comm
                echo done
            done"#;
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command.arg(scene.cgroup.folder().join("cgroup.procs"));
        command.args([name.as_str(), PREFIX]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().context("its input")?;
        let says = BufReader::new(child.stdout.take().context("its output")?);
        let mut renamer = Self {
            child,
            orders,
            says,
            name,
        };
        renamer.hear("ready")?;
        Ok(renamer)
    }

    fn rename(&mut self, times: u32) -> Result<()> {
        writeln!(self.orders, "{times}")?;
        self.hear("done")
    }

    fn hear(&mut self, expected: &str) -> Result<()> {
        let mut line = String::new();
        self.says.read_line(&mut line)?;
        ensure!(line.trim() == expected, "{line}");
        Ok(())
    }
}

impl Drop for Renamer {
    fn drop(&mut self) {
        // It may have ended.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn a_thousand_names_of_processes_make_no_series() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut renamer = Renamer::start(&scene)?;
    let (own, group) = (format!("comm:{}", renamer.name), scene.label());
    let signals = [Signal::Life, Signal::Syscalls, Signal::Scheduler];
    let mut asked = wanted(&[&own, &group], &signals)?;
    asked.top = 1_000;
    let mut client = scene.stage.engine.client()?;
    client.observe(asked)?;
    renamer.rename(FEW)?;
    let few = series_of(&await_present(&mut client, &own)?, &group);
    let before = resident_kib(scene.stage.engine.pid())?;
    renamer.rename(MANY)?;
    let frame = await_present(&mut client, &own)?;
    let many = series_of(&frame, &group);
    assert_eq!(many, few);
    // Not everything that the cgroup does, as it is somebody else meanwhile.
    assert!(series_of(&frame, &own).len() <= many.len());
    let labels = frame.values.keys().flat_map(|series| &series.labels);
    let named: Vec<&String> = labels.filter(|label| label.contains(PREFIX)).collect();
    assert!(named.is_empty(), "{named:?}");
    // It is the same process, by whatever name.
    assert_eq!(count(&frame, "target_restarts", &[&own])?, 0);
    let ended = count(&frame, "exits", &[&group, "0", "none"])?;
    check_counted(&frame, ended, u64::from(FEW + MANY))?;
    assert_eq!(lost(&frame)?, 0);
    let after = resident_kib(scene.stage.engine.pid())?;
    assert!(after < before + GROWTH, "{before} KiB became {after} KiB");
    drop((client, renamer));
    scene.close()
}

/// A frame in which the target is there, by its own name.
fn await_present(client: &mut Client, target: &str) -> Result<Frame> {
    let metric = named("target_present").map_err(anyhow::Error::msg)?;
    let present = Series::of(metric, vec![target.to_owned()]).context("a metric")?;
    let mut found = None;
    wait_until("the target has its name again", DEADLINE, || {
        found = client
            .frame()
            .ok()
            .filter(|frame| match frame.values.get(&present) {
                Some(Value::Now(there)) => *there > 0.5,
                _other => false,
            });
        found.is_some()
    })?;
    found.context("a frame")
}

fn series_of(frame: &Frame, target: &str) -> BTreeSet<Series> {
    let all = frame.values.keys();
    let theirs = all.filter(|series| series.label("target") == Some(target));
    theirs.cloned().collect()
}
