//! Clients that die while the engine works for them.

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::{Arm, Call, Request};
use nix::sys::signal::Signal;
use temblor_tests::{Cli, Engine, Netns, params, signal, wait_until};

use super::scene::{Raw, answered, await_calm, under};
use crate::stage::DEADLINE;

fn arm(target: &str) -> Result<Vec<u8>> {
    let given = params([("target", target), ("duration", "60s"), ("latency", "20ms")]);
    let call = Call::Arm(Arm {
        fault: Kind::NetDelay,
        params: given,
        name: None,
        detached: false,
        ssh_connection: None,
        rehearse_ms: None,
        follow: false,
    });
    let mut line = serde_json::to_vec(&Request { id: 1, call })?;
    line.push(b'\n');
    Ok(line)
}

/// Waits until only the fault that acts throughout is armed.
fn await_only_ours(engine: &Engine) -> Result<()> {
    let mut client = engine.client()?;
    let mut left = Vec::new();
    wait_until("the dead clients' faults are gone", DEADLINE, || {
        let faults = client.status().map(|(_engine, faults)| faults);
        left = faults
            .unwrap_or_default()
            .into_iter()
            .map(|fault| fault.fault)
            .collect();
        left.len() == 1
    })
    .with_context(|| format!("{left:?} are armed"))?;
    Ok(())
}

#[test]
fn a_client_that_dies_while_its_fault_is_armed_leaves_none() -> Result<()> {
    let netns = Netns::make("dying")?;
    let line = arm(&format!("netns:{}", netns.name()))?;
    under(|engine| {
        for _ in 0..10 {
            let client = Raw::connect(engine)?;
            client.write(&line)?;
            drop(client);
            answered(engine)?;
        }
        // And with the request itself cut short, at every part of it.
        for end in (1..line.len()).step_by(line.len().div_ceil(10)) {
            let client = Raw::connect(engine)?;
            client.write(line.get(..end).context("a part")?)?;
        }
        await_only_ours(engine)?;
        await_calm(engine)
    })
}

#[test]
fn a_command_that_is_killed_while_it_arms_leaves_nothing() -> Result<()> {
    let netns = Netns::make("killed")?;
    let target = format!("netns:{}", netns.name());
    let words = [
        "inject",
        "net.delay",
        "--latency",
        "20ms",
        "--duration",
        "60s",
        "--target",
    ];
    let words: Vec<&str> = words.into_iter().chain([target.as_str()]).collect();
    under(|engine| {
        // Killed a little later each time: before it connects, while it asks, after it is answered.
        for spins in 0..12_usize {
            let mut command = Cli::of(engine, &netns).start(&words)?;
            for _ in 0..spins {
                answered(engine)?;
            }
            signal(command.id().cast_signed(), Signal::SIGKILL)?;
            command.wait()?;
        }
        await_only_ours(engine)?;
        await_calm(engine)
    })
}
