//! What procfs and the cgroups' own files tell.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_core::telemetry::{Frame, Signal};
use injector_user::freezer::Flavour;
use temblor_tests::{Caller, Cgroup, Pen, wait_until};

use super::scene::{Scene, await_unobserved, count, gauge, wanted};
use crate::stage::{DEADLINE, Stage};

const HOST: &str = "host";

#[test]
fn processes_and_memory_are_the_targets() -> Result<()> {
    let scene = Scene::set(&["getsid"])?;
    let mut second = Caller::start(1, &["getsid"])?;
    scene.cgroup.enter(second.pid())?;
    let (group, one) = (scene.label(), format!("pid:{}", scene.resident.pid()));
    let mut client = scene.observe_all(&[&group, &one, HOST], &[Signal::Resources])?;
    let frame = client.frame()?;
    assert_eq!(now(&frame, "processes", &group)?.to_string(), "2");
    assert_eq!(now(&frame, "processes", &one)?.to_string(), "1");
    assert!(now(&frame, "processes", HOST)? > 2.0);
    let (used, all) = (
        now(&frame, "memory_used", &one)?,
        now(&frame, "memory_used", HOST)?,
    );
    assert!(used > 0.0 && used < all, "{used} of {all}");
    second.round()?;
    drop(second);
    let left = now(&client.frame()?, "processes", &group)?;
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
    let least = Quota::of(&pen)?;
    let frame = client.frame()?;
    let most = Quota::of(&pen)?;
    assert!(least.throttled_ns > 0, "{least:?}");
    let is_between = |metric, least, most| -> Result<()> {
        let counted = count(&frame, metric, &[&target])?;
        ensure!(
            counted >= least && counted <= most,
            "{metric}: {least} {counted} {most}"
        );
        Ok(())
    };
    is_between("cpu_periods", least.periods, most.periods)?;
    is_between("cpu_throttled_periods", least.throttled, most.throttled)?;
    is_between("cpu_throttled", least.throttled_ns, most.throttled_ns)?;
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
#[derive(Debug)]
struct Quota {
    periods: u64,
    throttled: u64,
    throttled_ns: u64,
}

impl Quota {
    fn of(pen: &Pen) -> Result<Self> {
        let stat = numbers(pen, "cpu.stat")?;
        let of = |name: &str| stat.get(name).copied();
        let of_v2 = of("throttled_usec").map(|us| us * 1_000);
        Ok(Self {
            periods: of("nr_periods").context("periods")?,
            throttled: of("nr_throttled").context("throttled periods")?,
            throttled_ns: of_v2.or(of("throttled_time")).context("a time")?,
        })
    }
}

/// A file of `name number` lines.
fn numbers(pen: &Pen, file: &str) -> Result<BTreeMap<String, u64>> {
    let text = pen.read(file)?;
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs
        .map(|(name, number)| Ok((name.to_owned(), number.parse()?)))
        .collect()
}

/// What a gauge of a target says.
fn now(frame: &Frame, metric: &str, target: &str) -> Result<f64> {
    let value = gauge(frame, metric, &[target])?;
    value.with_context(|| format!("{metric} of {target}"))
}
