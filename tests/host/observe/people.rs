//! Who is looked at: processes by themselves, their children, and who comes and goes.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, anyhow};
use injector_core::telemetry::{Frame, Signal, Value, named};
use injector_user::freezer::Flavour;
use injector_user::protocol::{Answer, Call};
use temblor_tests::{Caller, Cgroup, Client, wait_until};

use super::scene::{Scene, check_counted, count, lost, path_of, run_in, wanted};
use crate::stage::DEADLINE;

const SIGNALS: &[Signal] = &[Signal::Syscalls];

#[test]
fn a_process_is_observed_with_the_children_that_it_makes() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let script = r#"read go; for i in 1 2 3; do ("$0"; "$1" /no/such; exit 9); done; read end"#;
    let mut parent = Command::new("sh");
    parent
        .args(["-c", script])
        .args([path_of("true")?, path_of("cat")?])
        .stdin(Stdio::piped())
        .stderr(Stdio::null());
    let mut parent = parent.spawn()?;
    let label = format!("pid:{}", parent.id());
    let mut client = scene.observe_all(&[&label], &[Signal::Life, Signal::Syscalls])?;
    // Of nobody's that is observed.
    scene.run("sh", &["-c", "exit 9"])?;
    parent
        .stdin
        .as_mut()
        .context("its input")?
        .write_all(b"go\n")?;
    wait_until("its children have ended", DEADLINE, || {
        let frame = client.frame();
        let ended = frame.and_then(|frame| count(&frame, "exits", &[&label, "9", "none"]));
        ended.is_ok_and(|ended| ended == 3)
    })?;
    let frame = client.frame()?;
    assert_eq!(count(&frame, "execs", &[&label])?, 6);
    let missing = count(&frame, "syscall_errors", &[&label, "openat", "ENOENT"])?;
    assert!(missing >= 3, "{missing}");
    drop(parent.stdin.take());
    parent.wait()?;
    drop(client);
    scene.close()
}

#[test]
fn a_target_that_goes_is_told_and_what_it_did_stays_counted() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut victim = Caller::start(1, &["getsid"])?;
    let label = format!("pid:{}", victim.pid());
    let mut client = scene.observe_all(&[&label], SIGNALS)?;
    victim.round()?;
    assert_eq!(present(&mut client, &label)?, Some(1.0));
    drop(victim);
    wait_until("its end is noticed", DEADLINE, || {
        present(&mut client, &label).is_ok_and(|present| present == Some(0.0))
    })?;
    let frame = client.frame()?;
    assert_eq!(count(&frame, "syscalls", &[&label, "getsid"])?, 1);
    drop(client);
    scene.close()
}

fn present(client: &mut Client, label: &str) -> Result<Option<f64>> {
    let metric = named("target_present").map_err(anyhow::Error::msg)?;
    let frame = client.frame()?;
    let mut found = frame
        .of(metric)
        .filter(|(series, _)| series.label("target") == Some(label));
    Ok(found.find_map(|(_series, value)| match value {
        Value::Now(value) => Some(*value),
        _ => None,
    }))
}

#[test]
fn the_busiest_cgroups_are_those_asked_for() -> Result<()> {
    let mut scene = Scene::set(&["getsid"])?;
    let mut client = scene.stage.engine.client()?;
    let mut everybody = wanted(&[], SIGNALS)?;
    everybody.top = 1000;
    client.observe(everybody.clone())?;
    let before = client.frame()?;
    scene.resident.round()?;
    let after = client.frame()?;
    let labels = [scene.label()];
    let labels = [labels[0].as_str(), "getsid"];
    let counted = count(&after, "syscalls", &labels)? - count(&before, "syscalls", &labels)?;
    assert_eq!(counted, 1);
    everybody.top = 0;
    client.observe(everybody)?;
    assert!(
        !client
            .frame()?
            .values
            .keys()
            .any(|series| series.label("target").is_some())
    );
    drop(client);
    scene.close()
}

#[test]
fn each_client_is_told_what_it_asked_for_and_what_others_want_changes_nothing() -> Result<()> {
    let mut scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut first = scene.observe(SIGNALS)?;
    scene.resident.round()?;
    let mut second = scene.observe_all(&["host"], &[Signal::Life])?;
    scene.resident.round()?;
    let frame = first.frame()?;
    assert_eq!(count(&frame, "syscalls", &[&label, "getsid"])?, 2);
    assert_eq!(count(&frame, "execs", &["host"])?, 0);
    let of_second = second.frame()?;
    assert_eq!(count(&of_second, "syscalls", &[&label, "getsid"])?, 0);
    drop(second);
    scene.resident.round()?;
    let frame = first.frame()?;
    assert_eq!(count(&frame, "syscalls", &[&label, "getsid"])?, 3);
    assert_eq!(lost(&frame)?, 0);
    drop(first);
    scene.close()
}

#[test]
fn a_cgroup_that_is_gone_is_forgotten_by_who_wants_the_busiest() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut client = scene.stage.engine.client()?;
    let mut everybody = wanted(&[], SIGNALS)?;
    everybody.top = 1000;
    client.observe(everybody)?;
    let short_lived = Cgroup::make(Flavour::V2, "gone")?;
    let label = short_lived.target();
    let mut somebody = Caller::start(1, &["getsid"])?;
    short_lived.enter(somebody.pid())?;
    // What one client is told leaves it out in any case: what the observer itself keeps is in its history.
    let is_kept = |client: &mut Client| {
        let newest = newest_kept(client);
        newest.is_ok_and(|frame| {
            let mut targets = frame
                .values
                .keys()
                .filter_map(|series| series.label("target"));
            targets.any(|target| target == label)
        })
    };
    wait_until("it is seen", DEADLINE, || {
        somebody.round().is_ok() && is_kept(&mut client)
    })?;
    drop(somebody);
    drop(short_lived);
    wait_until("it is forgotten", DEADLINE, || !is_kept(&mut client))?;
    newest_kept(&mut client)?;
    drop(client);
    scene.close()
}

fn newest_kept(client: &mut Client) -> Result<Frame> {
    const BACK: u64 = 3_000_000_000;
    let to_ns = client.frame()?.at_ns;
    let from_ns = to_ns.saturating_sub(BACK);
    match client.call(Call::Frames { from_ns, to_ns })? {
        Ok(Answer::Frames { frames }) => frames.into_iter().next_back().context("a frame"),
        other => anyhow::bail!("no frames: {other:?}"),
    }
}

#[test]
fn nothing_is_lost_while_who_is_observed_changes() -> Result<()> {
    const CHANGES: u64 = 20;
    let mut scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut first = scene.observe(SIGNALS)?;
    let folder = scene.cgroup.folder().to_owned();
    // Is in one call from before the first change until after the last one, or nearly.
    let sleeper = thread::spawn(move || run_in(&folder, "sleep", &["2"]));
    for _ in 0..CHANGES {
        let second = scene.observe_all(&["host"], SIGNALS)?;
        scene.resident.round()?;
        drop(second);
        scene.resident.round()?;
    }
    let slept = sleeper.join().map_err(|_panic| anyhow!("it panicked"))??;
    assert!(slept.status.success(), "{slept:?}");
    let frame = first.frame()?;
    let asked = count(&frame, "syscalls", &[&label, "getsid"])?;
    check_counted(&frame, asked, 2 * CHANGES)?;
    let naps = ["nanosleep", "clock_nanosleep"];
    let naps = naps.map(|call| count(&frame, "syscalls", &[&label, call]));
    check_counted(&frame, naps.into_iter().sum::<Result<u64>>()?, 1)?;
    assert_eq!(lost(&frame)?, 0);
    drop(first);
    scene.close()
}
