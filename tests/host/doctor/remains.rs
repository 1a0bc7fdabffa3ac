//! A prober that is killed leaves nothing, and what it could leave is swept.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::Result;
use injector_user::freezer::Flavour;
use temblor_tests::{HostSnapshot, alone, is_running, wait_until};

use super::examine::{doctor, examine, point};
use crate::stage::DEADLINE;

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
