//! It sees what works here, and tells what is missing from what is forbidden.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use injector_core::plan::{CapabilityState, Hierarchy, Mechanism};
use injector_user::freezer::Flavour;
use injector_user::target::Mounts;
use temblor_tests::{Cgroup, HostSnapshot, alone, temblor_program};

use super::examine::{doctor, examine, only_states, point, states};

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
    // With it, children are followed without cgroups too.
    let exits = (Mechanism::SyscallExit, CapabilityState::Supported);
    let following = [Mechanism::ForkTracking];
    let following = if everything.contains(&exits) {
        &[]
    } else {
        &following[..]
    };
    let mut v2 = vec![
        Mechanism::CgroupSock,
        Mechanism::FreezerV2,
        Mechanism::SocketLookup,
        Mechanism::SocketStorage,
        Mechanism::Seccomp,
        Mechanism::CgroupOption,
    ];
    // Controllers may be those of version 1.
    let controllers = [Mechanism::CpuV2, Mechanism::MemoryV2, Mechanism::IoV2];
    let has = |one: &Mechanism| everything.contains(&(*one, CapabilityState::Supported));
    v2.extend(controllers.into_iter().filter(has));
    let devices = [
        Mechanism::TapDelay,
        Mechanism::SleepAtCall,
        Mechanism::SleepInLsm,
        Mechanism::SleepAtHook,
        Mechanism::SleepInTurn,
        Mechanism::SleepOnReturn,
        Mechanism::SleepAfter,
    ];
    check("mount -t tmpfs none /dev", &devices, Unsupported)?;
    if let Some(point) = point(Flavour::V2)? {
        let lost = [&v2[..], following].concat();
        check(&format!("umount {point}"), &lost, Unsupported)?;
        let read_only = format!("mount -o remount,bind,ro {point}");
        let lost = [&v2[..], &[Mechanism::ForkTracking]].concat();
        check(&read_only, &lost, RefusedByPolicy)?;
    }
    if let Some(point) = point(Flavour::V1)? {
        let v1 = [Mechanism::FreezerV1];
        check(&format!("umount {point}"), &v1, Unsupported)?;
    }
    before.await_same()
}

/// The release of the kernel, as far as it decides what must not be missing.
fn is_at_least(major: u32, minor: u32) -> Result<bool> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    Ok((next(), next()) >= (major, minor))
}

/// A hierarchy may be mounted without its controllers, or have them enabled for nobody.
fn has_v2(controller: &str) -> Result<bool> {
    let mounts = Mounts::read()?;
    let Some(mount) = mounts.get(&Hierarchy::V2) else {
        return Ok(false);
    };
    let enabled = fs::read_to_string(mount.point.join("cgroup.subtree_control"))?;
    Ok(enabled.split_whitespace().any(|name| name == controller))
}

/// Kernels may have the controller and no rates.
fn has_rates() -> Result<bool> {
    if !has_v2("io")? {
        return Ok(false);
    }
    let cgroup = Cgroup::make(Flavour::V2, "rates")?;
    Ok(cgroup.folder().join("io.max").exists())
}

fn has_v1(controller: &str) -> Result<bool> {
    let mounts = Mounts::read()?;
    let mut all = mounts.iter();
    Ok(all.any(|mount| mount.hierarchy.is_v1_of(controller)))
}

/// Not to be missing here: a "no" would be wrong.
fn must_have(mechanism: Mechanism) -> Result<bool> {
    let mounted = |flavour| Cgroup::is_possible(flavour);
    Ok(match mechanism {
        Mechanism::TcxLoss
        | Mechanism::TapDelay
        | Mechanism::TcxClone
        | Mechanism::TcxRewrite
        | Mechanism::TcxAnswer => is_at_least(6, 6)?,
        // An option of the kernel's build that enterprise distributions leave out.
        Mechanism::SockDestroy
        // As above, or of the machine around it, which may refuse programs at functions.
        | Mechanism::SyscallReturn
        | Mechanism::Uprobe
        | Mechanism::SyscallOverride
        | Mechanism::SecurityReturn
        | Mechanism::SecurityLsm
        | Mechanism::SleepAtCall
        | Mechanism::SleepInLsm
        | Mechanism::SleepAtHook
        | Mechanism::SleepInTurn
        | Mechanism::SleepOnReturn
        | Mechanism::SpinAtHook => false,
        Mechanism::SleepAfter => is_at_least(6, 18)? && Path::new("/dev/fuse").exists(),
        Mechanism::SyscallExit => is_at_least(5, 8)?,
        Mechanism::CgroupSock | Mechanism::ForkTracking => {
            is_at_least(5, 18)? && mounted(Flavour::V2)?
        }
        Mechanism::SocketLookup | Mechanism::SocketStorage => {
            is_at_least(6, 6)? && mounted(Flavour::V2)?
        }
        Mechanism::FreezerV2 => mounted(Flavour::V2)?,
        Mechanism::FreezerV1 => mounted(Flavour::V1)?,
        Mechanism::CpuV2 => has_v2("cpu")?,
        Mechanism::MemoryV2 => has_v2("memory")?,
        // With a disk to try it on, which not every host has.
        Mechanism::IoV2 => has_rates()? && Path::new("/disk/lost+found").exists(),
        Mechanism::CpuV1 => has_v1("cpu")?,
        Mechanism::MemoryV1 => has_v1("memory")?,
        Mechanism::Pidfd => is_at_least(5, 3)?,
        // They are ordinary processes.
        Mechanism::CpuWorker
        | Mechanism::MemoryWorker
        | Mechanism::DiskWorker
        | Mechanism::FillWorker => true,
        // What names the caller's cgroup to such programs.
        Mechanism::CgroupOption => is_at_least(6, 4)? && mounted(Flavour::V2)?,
        Mechanism::Seccomp => is_at_least(5, 9)? && mounted(Flavour::V2)?,
    })
}
