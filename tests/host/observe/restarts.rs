//! Who comes back, and who takes somebody's place.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use injector_core::telemetry::{Series, Signal, Value, named};
use injector_user::freezer::Flavour;
use temblor_tests::{Actor, Caller, Cgroup, Client, wait_until};

use super::scene::{await_unobserved, count, wanted};
use crate::stage::{DEADLINE, Stage};

const SIGNALS: &[Signal] = &[Signal::Resources];

/// Waits for orders that never come; ended with this value.
struct Service(Child);

impl Service {
    fn start(program: &Path) -> Result<Self> {
        let mut command = Command::new(program);
        let waits = command.stdin(Stdio::piped()).stdout(Stdio::null());
        Ok(Self(waits.spawn().context("a service")?))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn a_service_that_is_killed_and_started_again_has_restarted() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("service");
    std::fs::copy(Actor::program()?, &program)?;
    let target = format!("exe:{}", program.display());
    let first = Service::start(&program)?;
    let mut client = stage.engine.client()?;
    client.observe(wanted(&[&target], SIGNALS)?)?;
    assert_eq!(restarts(&mut client, &target)?, 0, "a first appearance");
    drop(first);
    let second = Service::start(&program)?;
    await_restarts(&mut client, &target, 1)?;
    // Somebody takes over while the one before is still seen.
    let third = Service::start(&program)?;
    await_processes(&mut client, &target, 2)?;
    drop(second);
    await_processes(&mut client, &target, 1)?;
    assert_eq!(restarts(&mut client, &target)?, 1);
    drop(third);
    await_processes(&mut client, &target, 0)?;
    let _fourth = Service::start(&program)?;
    await_restarts(&mut client, &target, 2)?;
    drop(client);
    await_unobserved(&stage)?;
    stage.close()
}

#[test]
fn a_cgroup_that_is_made_anew_has_restarted() -> Result<()> {
    let stage = Stage::set()?;
    let inhabited = || -> Result<(Caller, Cgroup)> {
        let cgroup = Cgroup::make(Flavour::V2, "again")?;
        let inhabitant = Caller::start(1, &["getsid"])?;
        cgroup.enter(inhabitant.pid())?;
        Ok((inhabitant, cgroup))
    };
    let first = inhabited()?;
    let target = first.1.target();
    let mut client = stage.engine.client()?;
    client.observe(wanted(&[&target, "host"], SIGNALS)?)?;
    drop(first);
    let second = inhabited()?;
    await_restarts(&mut client, &target, 1)?;
    assert_eq!(restarts(&mut client, "host")?, 0);
    drop(client);
    await_unobserved(&stage)?;
    drop(second);
    stage.close()
}

fn restarts(client: &mut Client, target: &str) -> Result<u64> {
    count(&client.frame()?, "target_restarts", &[target])
}

fn await_restarts(client: &mut Client, target: &str, expected: u64) -> Result<()> {
    let mut seen = 0;
    let found = wait_until("the target is known to have restarted", DEADLINE, || {
        seen = restarts(client, target).unwrap_or_default();
        seen >= expected
    });
    found.with_context(|| format!("{seen} restarts"))?;
    assert_eq!(seen, expected);
    Ok(())
}

/// A target that is not there has none.
fn await_processes(client: &mut Client, target: &str, expected: u64) -> Result<()> {
    let metric = named("processes").map_err(anyhow::Error::msg)?;
    let series =
        Series::of(metric, vec![target.to_owned()]).context("a metric of the reference")?;
    let expected = expected.to_string();
    wait_until("so many processes are seen", DEADLINE, || {
        let frame = client.frame();
        frame.is_ok_and(|frame| match frame.values.get(&series) {
            Some(Value::Now(seen)) => seen.to_string() == expected,
            _absent => expected == "0",
        })
    })
    .map(drop)
    .with_context(|| format!("{expected} of {target}"))
}
