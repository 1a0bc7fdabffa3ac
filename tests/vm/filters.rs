//! What kernels before 6.6 need at interfaces, where others are too: qdiscs and filters that are not ours.

use std::fs;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::safety::undo::{self, recover};
use nix::sys::signal::Signal;
use temblor_tests::{Armed, Client, Node, is_running, signal, tool, wait_until};

use super::stage::{DEADLINE, Stage};

/// Everything that `tc` tells of the client's interface.
fn told(stage: &Stage) -> Result<[String; 3]> {
    let netns = stage.world.client.netns.name();
    let tc = |words: &[&str]| {
        let said = tool("tc", &[&["-n", netns], words].concat())?;
        // How many packets it has seen is told after what it is.
        let lines = said.lines().map(|line| line.split(" (rule hit").next());
        anyhow::Ok(lines.flatten().collect::<Vec<_>>().join("\n"))
    };
    Ok([
        tc(&["qdisc", "show", "dev", Node::INTERFACE])?,
        tc(&["filter", "show", "dev", Node::INTERFACE, "ingress"])?,
        tc(&["filter", "show", "dev", Node::INTERFACE, "egress"])?,
    ])
}

fn tc(stage: &Stage, words: &str) -> Result<()> {
    let netns = stage.world.client.netns.name();
    let words = ["-n", netns].into_iter().chain(words.split(' '));
    tool("tc", &words.collect::<Vec<_>>()).map(drop)
}

/// Loses every datagram of the client, either way.
fn lose(stage: &Stage, client: &mut Client) -> Result<Armed> {
    let more = [("protocol", "udp"), ("direction", "both")];
    stage.arm(client, Kind::NetLoss, &more)
}

/// Loses packets and ends that in order, at a client whose interface has been prepared.
fn check(prepare: &[&str]) -> Result<()> {
    let mut stage = Stage::set()?;
    for words in prepare {
        tc(&stage, words)?;
    }
    let before = told(&stage)?;
    let mut client = stage.engine.client()?;
    for _ in 0..2 {
        let armed = lose(&stage, &mut client)?;
        stage.await_answers(0)?;
        client.stop_one(&armed)?;
        assert_eq!(told(&stage)?, before);
        stage.await_answers(2)?;
    }
    drop(client);
    // What was prepared stays for now.
    if !prepare.is_empty() {
        tc(&stage, "qdisc del dev eth0 clsact")?;
    }
    stage.close()
}

#[test]
fn nothing_is_left_where_nothing_was() -> Result<()> {
    check(&[])
}

#[test]
fn a_qdisc_that_was_there_stays() -> Result<()> {
    check(&["qdisc add dev eth0 clsact"])
}

#[test]
fn somebody_elses_filters_stay_and_come_after_ours() -> Result<()> {
    check(&[
        "qdisc add dev eth0 clsact",
        "filter add dev eth0 egress prio 5 matchall classid 1:1",
        "filter add dev eth0 ingress prio 5 matchall classid 1:1",
    ])
}

#[test]
fn a_qdisc_of_ours_that_somebody_uses_meanwhile_stays() -> Result<()> {
    let stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    let armed = lose(&stage, &mut client)?;
    let [qdiscs, ..] = told(&stage)?;
    if !qdiscs.contains("clsact") {
        // This kernel needs none.
        client.stop_one(&armed)?;
        return stage.close();
    }
    tc(
        &stage,
        "filter add dev eth0 egress prio 5 matchall classid 1:1",
    )?;
    client.stop_one(&armed)?;
    let [qdiscs, ingress, egress] = told(&stage)?;
    assert!(qdiscs.contains("clsact"), "{qdiscs}");
    assert_eq!(ingress, "");
    assert!(
        egress.contains("matchall") && !egress.contains("temblor"),
        "{egress}"
    );
    tc(&stage, "qdisc del dev eth0 clsact")?;
    drop(client);
    stage.close()
}

#[test]
fn without_engine_and_keeper_packets_pass_and_the_undo_log_takes_filters_away() -> Result<()> {
    let mut stage = Stage::set()?;
    let before = told(&stage)?;
    let mut client = stage.engine.client()?;
    lose(&stage, &mut client)?;
    stage.await_answers(0)?;
    let during = told(&stage)?;
    let (engine, keeper) = (stage.engine.pid(), stage.engine.keeper());
    signal(keeper, Signal::SIGSTOP)?;
    signal(engine, Signal::SIGKILL)?;
    signal(keeper, Signal::SIGKILL)?;
    wait_until("both have gone", DEADLINE, || {
        !is_running(engine) && !is_running(keeper)
    })?;
    stage.await_answers(2)?;
    let outcomes = recover(&stage.engine.run_dir().join("undo"))?;
    if during[0].contains("clsact") {
        assert_eq!(told(&stage)?, before);
        let hung =
            |outcome: &&undo::Outcome| matches!(outcome.effect, Some(undo::Effect::Unhang { .. }));
        let outcome = outcomes.iter().find(hung).context("it was recorded")?;
        assert_eq!(outcome.ending, undo::Ending::Undone);
    }
    let rest = fs::read_dir(stage.engine.run_dir().join("undo"))?.count();
    assert_eq!(rest, 0, "nothing is left of entry and list");
    stage.close()
}
