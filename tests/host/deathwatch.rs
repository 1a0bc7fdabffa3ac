//! A killed engine's faults are over before the kernel has closed a single descriptor.

use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result};
use aya::programs::{loaded_links, loaded_programs};
use injector_core::fault::Kind;
use nix::sys::signal::Signal;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use temblor_tests::{params, signal};

use super::stage::Stage;

/// Every descriptor of a process, so that nothing ends when it does.
fn descriptors(pid: i32) -> Result<Vec<OwnedFd>> {
    let number = Pid::from_raw(pid).context("not a process")?;
    let pidfd = pidfd_open(number, PidfdFlags::empty())?;
    let mut held = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
        let name = entry?.file_name();
        let fd = name.to_str().context("a number")?.parse()?;
        held.push(pidfd_getfd(&pidfd, fd, PidfdGetfdFlags::empty())?);
    }
    Ok(held)
}

#[test]
fn a_killed_engines_fault_is_over_while_its_attachments_live_on() -> Result<()> {
    let mut stage = Stage::set()?;
    let target = stage.client_netns();
    let mut owner = stage.engine.client()?;
    let given = params([
        ("target", &*target),
        ("duration", "60s"),
        ("direction", "both"),
        ("peers", "10.77.0.0/16,fd77::/16"),
    ]);
    let armed = owner.arm(Kind::NetLoss, &given)?;
    let to = stage.echoes[0];
    assert_eq!(stage.client.udp_times_within(to, 1, 200)?, [None]);

    let held = descriptors(stage.engine.pid())?;
    let links = attachments();
    assert_eq!(links.len(), 4, "two interfaces, both directions");
    signal(stage.engine.pid(), Signal::SIGKILL)?;
    stage.engine.await_end()?;
    // The lease would let it act for more than a second from here.
    assert!(stage.client.udp_times_within(to, 1, 400)?[0].is_some());
    assert_eq!(attachments(), links, "still attached");
    drop((held, armed, owner));
    stage.close()
}

/// The links by which our packet programs are attached.
fn attachments() -> Vec<u32> {
    let ours: Vec<u32> = loaded_programs()
        .flatten()
        .filter(|program| {
            program
                .name_as_str()
                .is_some_and(|name| name.starts_with("net_"))
        })
        .map(|program| program.id())
        .collect();
    loaded_links()
        .flatten()
        .filter(|link| ours.contains(&link.program_id()))
        .map(|link| link.id())
        .collect()
}
