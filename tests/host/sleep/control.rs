//! What happens to a caller in its sleep.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Result;
use injector_core::fault::Kind;
use injector_user::freezer::State;
use nix::sys::signal::Signal;
use temblor_tests::{Caller, params, signal, wait_until};

use super::scene::for_each_way;
use super::shell::Shell;
use crate::stage::DEADLINE;

#[test]
fn a_signal_that_is_handled_shortens_no_sleep() -> Result<()> {
    for_each_way(|mut scene| {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        fs::write(&path, "")?;
        let script = format!("echo x >>{}; echo \"$rang\"", path.display());
        let mut shell = Shell::start("trap 'rang=yes' USR1", script)?;
        let pid = shell.pid();
        let path = path.display().to_string();
        let given = [("latency", "2s"), ("path", path.as_str())];
        let (way, target) = (scene.way, format!("pid:{pid}"));
        let armed = way.arm_at(way.of_the_shell, &mut scene.client, &target, &given)?;
        let begun = Instant::now();
        shell.go()?;
        scene.await_hits(&armed, 1)?;
        signal(pid, Signal::SIGUSR1)?;
        assert_eq!(shell.line()?, "yes\n");
        assert!(begun.elapsed() >= Duration::from_secs(2));
        shell.end()?;
        let report = scene.client.stop_one(&armed)?;
        assert_eq!(report.counters.injected, 1, "{report:?}");
        scene.close()
    })
}

#[test]
fn who_sleeps_can_be_killed() -> Result<()> {
    for_each_way(|mut scene| {
        let armed = scene.fall_asleep(&[])?;
        signal(scene.caller.pid(), Signal::SIGKILL)?;
        wait_until("it has ended", DEADLINE, || {
            scene.caller.has_ended().unwrap_or(true)
        })?;
        scene.client.stop_one(&armed)?;
        scene.close()
    })
}

#[test]
fn who_sleeps_can_be_frozen() -> Result<()> {
    for_each_way(|mut scene| {
        scene.cgroup.enter(scene.caller.pid())?;
        let armed = scene.fall_asleep(&[])?;
        let freezer = scene.cgroup.folder().join("cgroup.freeze");
        fs::write(&freezer, "1")?;
        wait_until("it stands still", DEADLINE, || {
            matches!(scene.cgroup.state(), Ok(State::Frozen))
        })?;
        fs::write(&freezer, "0")?;
        assert_eq!(scene.told_of(Caller::tell)?, 0);
        scene.client.stop_one(&armed)?;
        scene.close()
    })
}

/// Whoever sleeps reads a page of another process, whose memory is locked meanwhile.
#[test]
fn an_engine_does_other_things_while_somebody_sleeps() -> Result<()> {
    for_each_way(|mut scene| {
        let sleeping = scene.fall_asleep(&[])?;
        let target = scene.stage.client_netns();
        let mut other = scene.stage.engine.client()?;
        for latency in ["10ms", "20ms", "30ms"] {
            let given = [
                ("target", target.as_str()),
                ("duration", "60s"),
                ("latency", latency),
            ];
            // Its line is a thread, which wants memory.
            let armed = other.arm(Kind::NetDelay, &params(given))?;
            other.stop_one(&armed)?;
        }
        assert_eq!(scene.states()?, ['S', 'S']);
        scene.client.stop_one(&sleeping)?;
        assert_eq!(scene.told_of(Caller::tell)?, 0);
        scene.close()
    })
}
