//! What procfs and the cgroups' own files tell.

use std::fs;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::telemetry::{Frame, Signal, Value, named};
use injector_user::freezer::Flavour;
use temblor_tests::{Caller, Cgroup, Pen, wait_until};

use super::scene::{Scene, await_unobserved, count, wanted};
use crate::stage::{DEADLINE, Stage};

#[test]
fn processes_and_memory_are_the_targets() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut second = Caller::start(1, &["getsid"])?;
    scene.cgroup.enter(second.pid())?;
    let (group, one) = (scene.label(), format!("pid:{}", scene.resident.pid()));
    let mut client = scene.observe_all(&[&group, &one, "host"], &[Signal::Resources])?;
    let frame = client.frame()?;
    assert_eq!(gauge(&frame, "processes", &group)?.to_string(), "2");
    assert_eq!(gauge(&frame, "processes", &one)?.to_string(), "1");
    assert!(gauge(&frame, "processes", "host")? > 2.0);
    let (used, all) = (
        gauge(&frame, "memory_used", &one)?,
        gauge(&frame, "memory_used", "host")?,
    );
    assert!(used > 0.0 && used < all, "{used} of {all}");
    second.round()?;
    drop(second);
    let left = gauge(&client.frame()?, "processes", &group)?;
    assert_eq!(left.to_string(), "1");
    drop(client);
    scene.close()
}

#[test]
fn time_at_a_used_up_quota_is_what_the_kernel_counted() -> Result<()> {
    let stage = Stage::set()?;
    let pen = Pen::make(Kind::CpuLimit, "throttled")?;
    // Where the controller is of version 1, the target is the cgroup of version 2 with the same path.
    let twin = pen.is_v1().then(|| Cgroup::make(Flavour::V2, "throttled"));
    let twin = twin.transpose()?;
    narrow(&pen)?;
    let greedy = pen.want()?;
    for pid in [pen.pid(), greedy.pid()] {
        twin.iter().try_for_each(|twin| twin.enter(pid))?;
    }
    let target = pen.target();
    let mut client = stage.engine.client()?;
    client.observe(wanted(&[&target], &[Signal::Resources])?)?;
    wait_until("somebody is held back", DEADLINE, || {
        pen.counted().is_ok_and(|periods| periods > 3)
    })?;
    let least = throttled_ns(&pen)?;
    let counted = count(&client.frame()?, "cpu_throttled", &[&target])?;
    let most = throttled_ns(&pen)?;
    assert!(least > 0, "{least}");
    assert!(
        (least..=most).contains(&counted),
        "{least} {counted} {most}"
    );
    drop((client, greedy));
    await_unobserved(&stage)?;
    drop((pen, twin));
    stage.close()
}

/// A tenth of one processor.
fn narrow(pen: &Pen) -> Result<()> {
    let files: &[(&str, &str)] = if pen.is_v1() {
        &[("cpu.cfs_period_us", "50000"), ("cpu.cfs_quota_us", "5000")]
    } else {
        &[("cpu.max", "5000 50000")]
    };
    for (file, setting) in files {
        let file = pen.folder().join(file);
        fs::write(&file, setting).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// As `cpu.stat` says.
fn throttled_ns(pen: &Pen) -> Result<u64> {
    let text = pen.read("cpu.stat")?;
    let of = |name: &str| {
        let row = text.lines().find_map(|line| line.strip_prefix(name));
        row.map(|row| row.trim().parse::<u64>()).transpose()
    };
    let of_v2 = of("throttled_usec ")?.map(|us| us * 1_000);
    let found = of_v2.or(of("throttled_time ")?);
    found.with_context(|| format!("a time in {text}"))
}

fn gauge(frame: &Frame, metric: &str, target: &str) -> Result<f64> {
    let metric = named(metric).map_err(anyhow::Error::msg)?;
    let mut found = frame
        .of(metric)
        .filter(|(series, _)| series.label("target") == Some(target));
    let value = found.find_map(|(_series, value)| match value {
        Value::Now(value) => Some(*value),
        _ => None,
    });
    value.with_context(|| format!("{} of {target}", metric.name))
}
