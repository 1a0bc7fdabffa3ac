//! System calls: counted exactly, timed, and told apart by who makes them.

use anyhow::Result;
use injector_core::fault::Kind;
use injector_core::telemetry::Signal;
use temblor_tests::{Caller, params};

use super::scene::{Scene, count, durations, lost};

/// The caller makes them when it is told to, and never else.
const CALLS: [&str; 3] = ["getsid", "getpgid", "getpriority"];
const SIGNALS: &[Signal] = &[Signal::Syscalls];

#[test]
fn every_call_is_counted_once_and_only_the_targets() -> Result<()> {
    let mut scene = Scene::set(&CALLS)?;
    let mut outside = Caller::start(1, &CALLS)?;
    let label = scene.label();
    let mut client = scene.observe_all(&[&label, "host"], SIGNALS)?;
    let before = client.frame()?;
    for _ in 0..7 {
        scene.resident.round()?;
        outside.round()?;
        outside.round()?;
    }
    let after = client.frame()?;
    for call in CALLS {
        let counted = |label: &str| -> Result<u64> {
            let labels = [label, call];
            Ok(count(&after, "syscalls", &labels)? - count(&before, "syscalls", &labels)?)
        };
        assert_eq!(counted(&label)?, 7, "{call}");
        assert!(counted("host")? >= 21, "{call}");
        let timed = durations(&after, "syscall_duration", &[&label, call])?;
        assert_eq!(timed.count(), count(&after, "syscalls", &[&label, call])?);
    }
    assert_eq!(lost(&after)?, 0);
    drop(client);
    scene.close()
}

#[test]
fn an_injected_error_is_seen_as_the_caller_sees_it() -> Result<()> {
    let mut scene = Scene::set(&["socket"])?;
    let label = scene.label();
    let mut client = scene.observe(SIGNALS)?;
    scene.resident.round()?;
    let mut faults = scene.stage.engine.client()?;
    let given = [
        ("target", label.as_str()),
        ("syscalls", "socket"),
        ("errno", "EHWPOISON"),
        ("duration", "60s"),
    ];
    let armed = faults.arm(Kind::SyscallError, &params(given))?;
    let told = scene.resident.round()?;
    assert_eq!(told["socket"], [133]);
    let report = faults.stop_one(&armed)?;
    assert!(report.counters.injected > 0);
    let labels = [label.as_str(), "socket", "EHWPOISON"];
    for _ in 0..2 {
        // What was injected is what is seen, and it is over with the fault.
        let frame = client.frame()?;
        let seen = count(&frame, "syscall_errors", &labels)?;
        assert_eq!(seen, report.counters.injected);
        scene.resident.round()?;
    }
    drop(client);
    scene.close()
}

#[test]
fn a_call_that_waits_is_timed_from_its_beginning_to_its_end() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(SIGNALS)?;
    scene.run("sleep", &["0.2"])?;
    let frame = client.frame()?;
    let slept = durations(&frame, "syscall_duration", &[&label, "clock_nanosleep"])?;
    assert_eq!(slept.count(), 1);
    // It sleeps no shorter than it asked for; how much longer depends on who else wants to run.
    assert!(slept.total_ns() >= 200_000_000, "{} ns", slept.total_ns());
    let longest = slept.longest().unwrap_or_default();
    assert!(longest >= 200_000_000 - 200_000_000 / 32, "{longest} ns");
    drop(client);
    scene.close()
}

#[test]
fn bytes_are_those_that_were_moved() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(SIGNALS)?;
    let arguments = [
        "if=/dev/zero",
        "of=/dev/null",
        "bs=4096",
        "count=100",
        "status=none",
    ];
    scene.run("dd", &arguments)?;
    let frame = client.frame()?;
    let written = count(&frame, "syscall_moved", &[&label, "write"])?;
    // Where it enters the cgroup it writes a digit, before it is there.
    assert_eq!(written, 409_600);
    assert!(count(&frame, "syscall_moved", &[&label, "read"])? >= 409_600);
    drop(client);
    scene.close()
}

#[test]
fn what_fails_by_itself_is_counted_by_its_error() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(SIGNALS)?;
    for _ in 0..3 {
        scene.run("cat", &["/no/such/file"])?;
    }
    let frame = client.frame()?;
    let missing = count(&frame, "syscall_errors", &[&label, "openat", "ENOENT"])?;
    assert!(missing >= 3, "{missing}");
    drop(client);
    scene.close()
}
