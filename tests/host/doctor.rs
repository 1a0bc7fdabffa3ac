//! `temblor doctor`: what it says is so, it leaves nothing behind, and it asks the host once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use injector_core::fault::Kind;
use injector_core::plan::{CapabilityState, Hierarchy, Mechanism};
use injector_user::freezer::{Flavour, State};
use injector_user::target::Mounts;
use nix::errno::Errno;
use nix::unistd::User;
use serde_json::Value;
use temblor_tests::order::{Doer, SocketCall};
use temblor_tests::{
    Actor, Cgroup, HostSnapshot, alone, is_running, params, temblor_program, wait_until,
};

use super::stage::{DEADLINE, Stage};

const CONNREFUSED: i32 = Errno::ECONNREFUSED as i32;

fn doctor(run_dir: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(temblor_program()?);
    command.args(["doctor", "--json"]).args(arguments);
    command.env("TEMBLOR_RUN_DIR", run_dir);
    Ok(command)
}

/// What it prints and exits with.
fn examine(mut command: Command) -> Result<(Value, Option<i32>)> {
    let output = command.output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_slice(&output.stdout);
    let value = value.with_context(|| format!("{command:?} said {complaint}"))?;
    Ok((value, output.status.code()))
}

/// State and reason of each mechanism.
fn states(said: &Value) -> Result<BTreeMap<Mechanism, (CapabilityState, String)>> {
    let faults = said["faults"].as_array().context("faults are a list")?;
    let rows = faults
        .iter()
        .flat_map(|fault| fault["mechanisms"].as_array());
    let state = |row: &Value| {
        let mechanism = serde_json::from_value(row["mechanism"].clone())?;
        let state = serde_json::from_value(row["state"].clone())?;
        let reason = row["reason"].as_str().context("a reason is text")?;
        Ok((mechanism, (state, reason.to_owned())))
    };
    rows.flatten().map(state).collect()
}

/// The same without their reasons.
fn all_in(state: CapabilityState) -> BTreeSet<(Mechanism, CapabilityState)> {
    let all = Mechanism::ALL.iter();
    all.map(|mechanism| (*mechanism, state)).collect()
}

fn only_states(said: &Value) -> Result<BTreeSet<(Mechanism, CapabilityState)>> {
    let states = states(said)?.into_iter();
    Ok(states
        .map(|(mechanism, (state, _reason))| (mechanism, state))
        .collect())
}

/// The release of the kernel, as far as it decides what must not be missing.
fn is_at_least(major: u32, minor: u32) -> Result<bool> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    Ok((next(), next()) >= (major, minor))
}

/// Not to be missing here: a "no" would be wrong.
fn must_have(mechanism: Mechanism) -> Result<bool> {
    let mounted = |flavour| Cgroup::is_possible(flavour);
    Ok(match mechanism {
        Mechanism::TcxLoss | Mechanism::TapDelay => is_at_least(6, 6)?,
        Mechanism::CgroupSock | Mechanism::ForkTracking => {
            is_at_least(5, 18)? && mounted(Flavour::V2)?
        }
        Mechanism::CgroupSkbLoss => is_at_least(5, 15)? && mounted(Flavour::V2)?,
        Mechanism::FreezerV2 => mounted(Flavour::V2)?,
        Mechanism::FreezerV1 => mounted(Flavour::V1)?,
    })
}

#[test]
fn it_finds_out_everything_and_leaves_nothing() -> Result<()> {
    let _alone = alone()?;
    let run = tempfile::tempdir()?;
    let before = HostSnapshot::take(&[HostSnapshot::HERE])?;
    let (said, code) = examine(doctor(run.path(), &[])?)?;
    assert_eq!(code, Some(0));
    before.await_same()?;
    let states = states(&said)?;
    assert_eq!(states.len(), Mechanism::ALL.len());
    for (mechanism, (state, reason)) in states {
        if must_have(mechanism)? {
            assert_eq!(state, CapabilityState::Supported, "{mechanism}: {reason}");
        }
        // Either it is seen to work, or there is something to read.
        assert_eq!(state == CapabilityState::Supported, reason.is_empty());
    }
    let files: BTreeSet<_> = fs::read_dir(run.path())?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<Result<_>>()?;
    assert_eq!(files, ["capabilities.json".into(), "undo".into()].into());
    assert_eq!(fs::read_dir(run.path().join("undo"))?.count(), 0);
    Ok(())
}

#[test]
fn what_it_calls_supported_works_on_real_processes() -> Result<()> {
    let mut stage = Stage::set()?;
    let (said, _code) = examine(doctor(stage.engine.run_dir(), &[])?)?;
    for (mechanism, (state, _reason)) in states(&said)? {
        if state == CapabilityState::Supported {
            works(mechanism, &mut stage).with_context(|| mechanism.to_string())?;
        }
    }
    stage.close()
}

fn works(mechanism: Mechanism, stage: &mut Stage) -> Result<()> {
    match mechanism {
        Mechanism::TcxLoss => loses(mechanism, stage, &stage.client_netns(), "out"),
        Mechanism::CgroupSkbLoss => {
            let cgroup = Cgroup::make(Flavour::V2, "doctor")?;
            let _sibling = Actor::start_in(&stage.world.client.netns)?;
            cgroup.enter(stage.client.pid())?;
            loses(mechanism, stage, &cgroup.target(), "in")?;
            leave(&stage.client)
        }
        Mechanism::TapDelay => delays(stage),
        Mechanism::CgroupSock => refuses(mechanism, stage, Doer::Thread),
        Mechanism::ForkTracking => refuses(mechanism, stage, Doer::NewChild),
        Mechanism::FreezerV2 => freezes(Flavour::V2, stage),
        Mechanism::FreezerV1 => freezes(Flavour::V1, stage),
    }
}

fn loses(mechanism: Mechanism, stage: &mut Stage, target: &str, direction: &str) -> Result<()> {
    let mut client = stage.engine.client()?;
    let given = params([
        ("target", target),
        ("duration", "60s"),
        ("direction", direction),
    ]);
    let armed = client.arm(Kind::NetLoss, &given)?;
    assert_eq!(armed.plan.mechanism, mechanism);
    let to = stage.echoes[0];
    assert_eq!(stage.client.datagrams(to, 3)?, (vec![], vec![]));
    client.stop_one(&armed)?;
    assert_eq!(stage.client.datagrams(to, 3)?, (vec![0, 1, 2], vec![]));
    Ok(())
}

fn delays(stage: &mut Stage) -> Result<()> {
    let mut client = stage.engine.client()?;
    let target = stage.client_netns();
    let given = params([
        ("target", target.as_str()),
        ("duration", "60s"),
        ("latency", "40ms"),
    ]);
    let armed = client.arm(Kind::NetDelay, &given)?;
    assert_eq!(armed.plan.mechanism, Mechanism::TapDelay);
    let to = stage.echoes[0];
    let times = stage.client.udp_times(to, 3)?;
    assert!(
        times
            .iter()
            .all(|time| time.is_none_or(|time| time >= 40_000))
    );
    assert!(times.iter().any(Option::is_some), "{times:?}");
    client.stop_one(&armed)?;
    Ok(())
}

fn refuses(mechanism: Mechanism, stage: &mut Stage, doer: Doer) -> Result<()> {
    let mut client = stage.engine.client()?;
    let target = format!("pid:{}", stage.client.pid());
    let given = params([
        ("target", target.as_str()),
        ("duration", "60s"),
        ("operation", "connect"),
        ("errno", "ECONNREFUSED"),
    ]);
    let armed = client.arm(Kind::SockError, &given)?;
    assert!(armed.plan.mechanisms().contains(&mechanism));
    let to = stage.echoes[0];
    assert_eq!(stage.client.calls_by(doer, to, 2)?, [CONNREFUSED; 2]);
    assert_eq!(stage.other.calls(SocketCall::Connect, to, 2)?, [0; 2]);
    client.stop_one(&armed)?;
    assert_eq!(stage.client.calls_by(doer, to, 2)?, [0; 2]);
    Ok(())
}

fn freezes(flavour: Flavour, stage: &mut Stage) -> Result<()> {
    let cgroup = Cgroup::make(flavour, "doctor")?;
    cgroup.enter(stage.client.pid())?;
    let mut client = stage.engine.client()?;
    let target = cgroup.target();
    let given = params([
        ("target", target.as_str()),
        ("duration", "60s"),
        ("active", "30s"),
        ("count", "1"),
    ]);
    let armed = client.arm(Kind::ProcessFreeze, &given)?;
    wait_until("it is frozen", DEADLINE, || {
        matches!(cgroup.state(), Ok(State::Frozen))
    })?;
    client.stop_one(&armed)?;
    assert_eq!(cgroup.state()?, State::Thawed);
    leave(&stage.client)
}

/// Moves it to the roots again: a cgroup with processes cannot be removed.
fn leave(actor: &Actor) -> Result<()> {
    for mount in Mounts::read()?.iter() {
        let procs = mount.point.join("cgroup.procs");
        // Hierarchies in which it never left the root take it as well.
        fs::write(&procs, actor.pid().to_string())?;
    }
    Ok(())
}

/// Says what the second run says after `change` has been made to what the first one wrote down.
fn second(change: impl FnOnce(&str) -> String) -> Result<(Value, Value)> {
    let _alone = alone()?;
    let run = tempfile::tempdir()?;
    let (first, _code) = examine(doctor(run.path(), &[])?)?;
    let path = run.path().join("capabilities.json");
    let text = fs::read_to_string(&path)?;
    fs::write(&path, change(&text))?;
    let (second, code) = examine(doctor(run.path(), &[])?)?;
    assert_eq!(code, Some(0));
    Ok((first, second))
}

/// Makes the file say what no trial would.
fn lie(text: &str) -> String {
    let lie = text.replace("\"supported\"", "\"refused-by-policy\"");
    lie.replace("\"reason\": \"\"", "\"reason\": \"so it is written\"")
}

#[test]
fn a_second_run_asks_the_file_and_not_the_host() -> Result<()> {
    let (first, second) = second(lie)?;
    for (mechanism, (state, reason)) in states(&first)? {
        if state == CapabilityState::Supported {
            let expected = (
                CapabilityState::RefusedByPolicy,
                "so it is written".to_owned(),
            );
            assert_eq!(states(&second)?[&mechanism], expected, "{reason}");
        }
    }
    Ok(())
}

#[test]
fn what_was_found_out_in_another_boot_says_nothing() -> Result<()> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let other = "00000000-0000-0000-0000-000000000000";
    let (first, second) = second(|text| lie(text).replace(boot.trim_end(), other))?;
    assert_eq!(states(&first)?, states(&second)?);
    Ok(())
}

#[test]
fn without_root_it_does_not_know_and_says_why() -> Result<()> {
    let nobody = User::from_name("nobody")?.context("every host has nobody")?;
    // Where nobody may run it from.
    let folder = tempfile::tempdir()?;
    let mode = |path: &Path| {
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path, everybody)
    };
    mode(folder.path())?;
    let program = folder.path().join("temblor");
    fs::copy(temblor_program()?, &program)?;
    mode(&program)?;
    let as_nobody = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command
            .args(["doctor", "--json"])
            .args(arguments)
            .env("TEMBLOR_RUN_DIR", folder.path())
            .current_dir("/")
            .gid(nobody.gid.as_raw())
            .uid(nobody.uid.as_raw());
        examine(command)
    };
    let (said, code) = as_nobody(&[])?;
    assert_eq!(code, Some(0));
    for (mechanism, (state, reason)) in states(&said)? {
        let expected = match (mechanism, Cgroup::is_possible(Flavour::V1)?) {
            (Mechanism::FreezerV1, false) => CapabilityState::Unsupported,
            _ => CapabilityState::Unknown,
        };
        assert_eq!(state, expected, "{mechanism}: {reason}");
        assert!(!reason.is_empty());
        assert!(state != CapabilityState::Unknown || reason == "needs root");
    }
    let (_said, code) = as_nobody(&["--fault", "net.loss"])?;
    assert_eq!(code, Some(3));
    Ok(())
}

#[test]
fn a_fault_that_is_supported_exits_well() -> Result<()> {
    let _alone = alone()?;
    let run = tempfile::tempdir()?;
    let (said, code) = examine(doctor(run.path(), &["--fault", "process.freeze"])?)?;
    let able = said["faults"][0]["state"] == "supported";
    assert_eq!(code, Some(if able { 0 } else { 3 }));
    assert_eq!(said["faults"].as_array().map(Vec::len), Some(1));
    Ok(())
}

/// Runs it in mount namespaces of its own, after `change` has been made there.
fn examine_where(change: &str) -> Result<BTreeSet<(Mechanism, CapabilityState)>> {
    let run = tempfile::tempdir()?;
    let program = temblor_program()?;
    let script = format!("{change} && exec {} doctor --json", program.display());
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-ec", &script])
        .env("TEMBLOR_RUN_DIR", run.path());
    let (said, code) = examine(command)?;
    ensure!(code == Some(0), "{said}");
    only_states(&said)
}

#[test]
fn it_tells_missing_from_forbidden() -> Result<()> {
    use CapabilityState::{RefusedByPolicy, Unsupported};
    let _alone = alone()?;
    let before = HostSnapshot::take(&[HostSnapshot::HERE])?;
    let everything = examine_where("true")?;
    let check = |change: &str, mechanisms: &[Mechanism], state| {
        let mut expected = everything.clone();
        expected.retain(|(mechanism, _)| !mechanisms.contains(mechanism));
        expected.extend(mechanisms.iter().map(|mechanism| (*mechanism, state)));
        assert_eq!(examine_where(change)?, expected, "{change}");
        Ok::<(), anyhow::Error>(())
    };
    let v2 = [
        Mechanism::CgroupSkbLoss,
        Mechanism::CgroupSock,
        Mechanism::FreezerV2,
        Mechanism::ForkTracking,
    ];
    let tap = [Mechanism::TapDelay];
    check("mount -t tmpfs none /dev", &tap, Unsupported)?;
    if let Some(point) = point(Flavour::V2)? {
        check(&format!("umount {point}"), &v2, Unsupported)?;
        let read_only = format!("mount -o remount,bind,ro {point}");
        check(&read_only, &v2, RefusedByPolicy)?;
    }
    if let Some(point) = point(Flavour::V1)? {
        let v1 = [Mechanism::FreezerV1];
        check(&format!("umount {point}"), &v1, Unsupported)?;
    }
    before.await_same()
}

#[test]
fn without_its_capabilities_root_does_not_know_either() -> Result<()> {
    let run = tempfile::tempdir()?;
    let mut command = Command::new("setpriv");
    command
        .args(["--bounding-set", "-net_admin", "--inh-caps", "-net_admin"])
        .arg(temblor_program()?)
        .args(["doctor", "--json"])
        .env("TEMBLOR_RUN_DIR", run.path());
    let (said, code) = examine(command)?;
    assert_eq!(code, Some(0));
    assert_eq!(only_states(&said)?, all_in(CapabilityState::Unknown));
    for (_mechanism, (_state, reason)) in states(&said)? {
        assert_eq!(reason, "needs CAP_NET_ADMIN");
    }
    Ok(())
}

#[test]
fn a_killed_prober_leaves_nothing() -> Result<()> {
    let _alone = alone()?;
    let run = tempfile::tempdir()?;
    let before = HostSnapshot::take(&[HostSnapshot::HERE])?;
    let start = || -> Result<Child> {
        let mut command = doctor(run.path(), &["--again"])?;
        Ok(command.stdout(Stdio::null()).spawn()?)
    };
    // Killed as soon as it has made its first cgroup, its second, and so on.
    for rooms in 0..5 {
        let mut child = start()?;
        let pid = child.id().cast_signed();
        let made = |flavour| -> Result<bool> {
            let Some(mount) = point(flavour)? else {
                return Ok(false);
            };
            Ok(Path::new(&mount)
                .join(format!("temblor-probe-{pid}-{rooms}"))
                .exists())
        };
        wait_until("it has made a cgroup, or has ended", DEADLINE, || {
            let made = made(Flavour::V2).unwrap_or(false) || made(Flavour::V1).unwrap_or(false);
            made || matches!(child.try_wait(), Ok(Some(_)))
        })?;
        child.kill()?;
        child.wait()?;
        before.await_same()?;
        wait_until("its processes are gone", DEADLINE, || !has_relatives(pid))?;
    }
    Ok(())
}

/// Where a hierarchy is mounted, or nowhere.
fn point(flavour: Flavour) -> Result<Option<String>> {
    let hierarchy = match flavour {
        Flavour::V2 => Hierarchy::V2,
        Flavour::V1 => Hierarchy::V1Freezer,
    };
    let mounts = Mounts::read()?;
    Ok(mounts
        .get(&hierarchy)
        .map(|mount| mount.point.display().to_string()))
}

/// Whether a process lives that runs the program under test and is nobody's but the dead prober's.
fn has_relatives(pid: i32) -> bool {
    let all = procfs::process::all_processes().into_iter().flatten();
    let named = all.flatten().filter(|process| {
        let command = process.cmdline().unwrap_or_default();
        command.iter().any(|word| word == "doctor") && is_running(process.pid)
    });
    let relatives = named.filter(|process| process.stat().is_ok_and(|stat| stat.ppid == 1));
    // A guard outlives its maker by some milliseconds.
    relatives.count() > 0 && !is_running(pid)
}

#[test]
fn what_a_prober_and_its_guard_have_left_is_swept() -> Result<()> {
    let _alone = alone()?;
    let run = tempfile::tempdir()?;
    for flavour in [Flavour::V2, Flavour::V1] {
        let Some(point) = point(flavour)? else {
            continue;
        };
        // No process has this number: the kernel's largest is 2^22.
        let left = Path::new(&point).join("temblor-probe-4999999-0");
        fs::create_dir(&left)?;
        let control = match flavour {
            Flavour::V2 => ("cgroup.freeze", "1"),
            Flavour::V1 => ("freezer.state", "FROZEN"),
        };
        fs::write(left.join(control.0), control.1)?;
        examine(doctor(
            run.path(),
            &["--again", "--fault", "process.freeze"],
        )?)?;
        let gone = wait_until("it is swept", Duration::from_secs(1), || !left.exists());
        if gone.is_err() {
            fs::remove_dir(&left)?;
        }
        gone?;
    }
    Ok(())
}
