//! Waiting for processors and disks.

use anyhow::Result;
use injector_core::telemetry::Signal;

use super::scene::{Scene, durations};

#[test]
fn who_shares_a_processor_waits_for_it() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(&[Signal::Scheduler])?;
    // Two who calculate, on one processor, and each has to wait for the other.
    let spin = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    let script = format!("({spin}) & ({spin}) & wait");
    scene.run("taskset", &["1", "sh", "-c", &script])?;
    let frame = client.frame()?;
    let waited = durations(&frame, "run_queue_wait", &[&label])?;
    let away = durations(&frame, "off_cpu", &[&label])?;
    assert!(waited.count() > 0 && away.count() > 0);
    // Each stands in the queue while the other runs, for a tick at least.
    assert!(waited.total_ns() >= 1_000_000, "{} ns", waited.total_ns());
    assert!(away.total_ns() >= waited.total_ns());
    drop(client);
    scene.close()
}

#[test]
fn who_sleeps_is_away_and_waits_for_no_processor() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let label = scene.label();
    let mut client = scene.observe(&[Signal::Scheduler])?;
    scene.run("sleep", &["0.3"])?;
    let frame = client.frame()?;
    let away = durations(&frame, "off_cpu", &[&label])?;
    assert!(away.total_ns() >= 300_000_000, "{} ns", away.total_ns());
    drop(client);
    scene.close()
}
