//! How an engine starts, leaves, and is made to leave.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_user::freezer::{Flavour, State as Frozen};
use injector_user::protocol::{Answer, Arm, Call, Ended, State};
use nix::sys::signal::Signal;
use temblor_tests::{Cgroup, Client, Engine, finish, is_running, params, signal, wait_until};

use super::loss::loss;
use crate::stage::{DEADLINE, Stage};

#[test]
fn a_second_engine_in_the_same_folder_leaves_the_field_to_the_first() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    client.arm(Kind::NetLoss, &loss(&stage.client_netns()))?;
    let said = stage.cli().run(&["engine"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    let to = stage.echoes[0];
    assert_eq!(stage.client.datagrams(to, 3)?.0, Vec::<u32>::new());
    stage.close()
}

#[test]
fn a_folder_that_others_may_write_to_is_refused() -> Result<()> {
    let stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777))?;
    let path = folder.path().to_string_lossy().into_owned();
    let said = stage.cli().run(&["--run-dir", &path, "engine"])?;
    assert_ne!(said.code, Some(0));
    assert!(said.err.contains("is writable for others"), "{said:?}");
    stage.close()
}

#[test]
fn an_engine_leaves_when_nobody_needs_it_and_not_before() -> Result<()> {
    let mut stage = Stage::set()?;
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let path = folder.path().to_string_lossy().into_owned();
    let cli = stage.cli();
    let mut engine = cli.start(&["--run-dir", &path, "engine", "--idle-exit", "1s"])?;
    let socket = folder.path().join("engine.sock");
    wait_until("it listens", DEADLINE, || Client::connect(&socket).is_ok())?;
    let mut client = Client::connect(&socket)?;
    let arm = Call::Arm(Arm {
        fault: Kind::NetLoss,
        params: params([("target", &*stage.client_netns()), ("duration", "3s")]),
        name: None,
        detached: true,
        ssh_connection: None,
        rehearse_ms: None,
        follow: false,
    });
    let Ok(Answer::Armed { fault, .. }) = client.call(arm)? else {
        panic!("it is armed");
    };
    drop(client);
    let to = stage.echoes[0];
    // The fault lasts longer than an idle engine would stay.
    let waited = wait_until("the fault has ended", DEADLINE, || {
        stage
            .client
            .datagrams(to, 2)
            .is_ok_and(|(answered, _)| answered.len() == 2)
    })?;
    assert!(waited > Duration::from_millis(1_500), "only {waited:?}");
    let report = Client::connect(&socket)?.snapshot(&fault)?;
    let how = Ended::Deadline;
    assert_eq!(report.state, State::Ended { how });
    wait_until("it has left", DEADLINE, || {
        matches!(engine.try_wait(), Ok(Some(_)))
    })?;
    assert_eq!(finish(engine)?.code, Some(0));
    stage.close()
}

#[test]
fn a_new_engine_undoes_what_engine_and_keeper_left() -> Result<()> {
    let cgroup = Cgroup::make(Flavour::V2, "undo")?;
    let mut stage = Stage::set()?;
    cgroup.enter(stage.client.pid())?;
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let host = &stage.world.host.netns;
    for by_command in [false, true] {
        let mut engine = Engine::start_at(folder.path(), host)?;
        let given = params([
            ("target", &*cgroup.target()),
            ("duration", "5m"),
            ("active", "5m"),
            ("count", "1"),
        ]);
        engine
            .client()?
            .call(Call::Hello)?
            .ok()
            .context("it is there")?;
        let mut client = engine.client()?;
        client.arm(Kind::ProcessFreeze, &given)?;
        wait_until("the cgroup is frozen", DEADLINE, || {
            matches!(cgroup.state(), Ok(Frozen::Frozen))
        })?;
        let keeper = engine.keeper();
        signal(keeper, Signal::SIGSTOP)?;
        signal(engine.pid(), Signal::SIGKILL)?;
        wait_until("the engine is gone", DEADLINE, || engine.has_ended())?;
        signal(keeper, Signal::SIGKILL)?;
        wait_until("the keeper is gone", DEADLINE, || !is_running(keeper))?;
        assert_eq!(cgroup.state()?, Frozen::Frozen, "nobody could thaw it");
        assert!(!engine.undo_entries()?.is_empty());
        if by_command {
            let path = folder.path().to_string_lossy().into_owned();
            let said = stage.cli().run(&["--run-dir", &path, "undo"])?;
            assert_eq!(said.code, Some(0), "{said:?}");
            assert_eq!(engine.undo_entries()?, Vec::<std::path::PathBuf>::new());
        } else {
            Engine::start_at(folder.path(), host)?.end()?;
        }
        assert_eq!(cgroup.state()?, Frozen::Thawed);
    }
    assert!(stage.client.udp_times(stage.echoes[0], 1)?[0].is_some());
    stage.close()
}

#[test]
fn stop_ends_an_engine_that_does_not_answer() -> Result<()> {
    let mut stage = Stage::set()?;
    let mut client = stage.engine.client()?;
    client.arm(Kind::NetLoss, &loss(&stage.client_netns()))?;
    // Its keeper too, which would end it otherwise.
    signal(stage.engine.keeper(), Signal::SIGSTOP)?;
    signal(stage.engine.pid(), Signal::SIGSTOP)?;
    let said = stage.cli().run(&["stop"])?;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(stage.engine.has_ended());
    let to = stage.echoes[0];
    assert_eq!(stage.client.datagrams(to, 3)?.0.len(), 3);
    signal(stage.engine.keeper(), Signal::SIGCONT)?;
    stage.engine.await_end()?;
    stage.close()
}
