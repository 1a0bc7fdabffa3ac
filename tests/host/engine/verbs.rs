//! `temblor inject` against a real engine.

use anyhow::Result;
use nix::sys::signal::Signal;
use temblor_tests::{finish, signal};

use crate::stage::Stage;

#[test]
fn inject_waits_for_the_end_and_says_what_was_done() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = format!("--json inject net.loss --duration 2s --target {target}");
    let words: Vec<&str> = words.split(' ').collect();
    let command = stage.cli().start(&words)?;
    stage.await_answers(0)?;
    let said = finish(command)?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let report = said.json()?;
    assert_eq!(report["state"]["how"], "deadline", "{report}");
    assert!(
        report["counters"]["injected"].as_u64() >= Some(2),
        "{report}"
    );
    assert_eq!(report["rate"]["observed"], 1.0, "{report}");
    stage.close()
}

#[test]
fn an_interrupted_inject_ends_its_fault_and_reports() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let words = format!("--json inject net.loss --duration 10m --target {target}");
    let words: Vec<&str> = words.split(' ').collect();
    for (ending, reports) in [(Signal::SIGINT, true), (Signal::SIGKILL, false)] {
        let command = stage.cli().start(&words)?;
        stage.await_answers(0)?;
        signal(command.id().cast_signed(), ending)?;
        let said = finish(command)?;
        stage.await_answers(2)?;
        assert_eq!(said.json().is_ok(), reports, "{said:?}");
    }
    stage.check_nothing_armed()?;
    stage.close()
}

#[test]
fn a_command_is_a_target_from_its_first_call_on() -> Result<()> {
    let stage = Stage::set()?;
    let to = stage.echoes[0];
    let script = format!("exec 3<>/dev/tcp/{}/{}", to.ip(), to.port());
    let fault = "inject sock.error --operation connect --errno EHOSTDOWN --duration 60s --";
    let mut words: Vec<&str> = fault.split(' ').collect();
    words.extend(["bash", "-c", &script]);
    let said = stage.cli().run(&words)?;
    assert!(said.err.contains("Host is down"), "{said:?}");
    // Without the fault the same command does well.
    let mut plain = std::process::Command::new("bash");
    plain.args(["-c", &script]);
    assert!(stage.world.host.netns.spawn(plain)?.wait()?.success());
    stage.check_nothing_armed()?;
    stage.close()
}
