//! What is armed, as somebody sees who looks.

use std::io::{BufRead as _, BufReader, Read as _};

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::protocol::{MAX_LINE, Which};
use nix::sys::signal::Signal;
use temblor_tests::{params, signal};

use super::stage::Stage;

fn loss(target: &str, more: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    let basic = [("target", target), ("duration", "60s")];
    params(basic.into_iter().chain(more.to_vec()))
}

#[test]
fn a_watched_status_is_shown_again_and_again_until_an_interrupt() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let armed = client.arm(Kind::NetLoss, &loss(&stage.client_netns(), &[]))?;
    let mut command = stage.cli().start(&["status", "--watch"])?;
    let mut out = BufReader::new(command.stdout.take().context("stdout is piped")?);
    let mut shown = 0;
    let mut line = String::new();
    while shown < 3 {
        line.clear();
        anyhow::ensure!(out.read_line(&mut line)? > 0, "it ended by itself");
        shown += usize::from(line.contains(&armed.fault));
    }
    signal(command.id().cast_signed(), Signal::SIGINT)?;
    let mut rest = String::new();
    out.read_to_string(&mut rest)?;
    assert_eq!(command.wait()?.code(), Some(0), "{rest}");
    client.stop_one(&armed)?;
    stage.close()
}

#[test]
fn a_status_longer_than_a_request_may_be_is_answered() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let ids = (0..32_u32).map(|number| {
        // No two neighbours, so that each is written down.
        let ports = (number * 1000..(number + 1) * 1000).map(|port| (2 * port + 1).to_string());
        let ports: Vec<String> = ports.collect();
        let given = loss(&target, &[("ports", &*ports.join(","))]);
        client.arm(Kind::NetLoss, &given).map(|armed| armed.fault)
    });
    let mut ids: Vec<String> = ids.collect::<Result<_>>()?;
    let said = stage.cli().run(&["--json", "status"])?;
    assert!(said.out.len() > MAX_LINE, "only {} bytes", said.out.len());
    let status = said.json()?;
    let faults = status["faults"].as_array().context("a list")?;
    let mut found: Vec<&str> = faults
        .iter()
        .filter_map(|fault| fault["fault"].as_str())
        .collect();
    found.sort_unstable();
    ids.sort_unstable();
    assert_eq!(found, ids);
    assert_eq!(client.stop(Which::Mine)?.len(), 32);
    stage.check_nothing_armed()?;
    stage.close()
}
