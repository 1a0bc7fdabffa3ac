//! Without privilege it does not know, and says why.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use injector_core::plan::{CapabilityState, Mechanism};
use injector_user::freezer::Flavour;
use nix::unistd::User;
use temblor_tests::{Cgroup, temblor_program};

use super::examine::{all_in, examine, only_states, states};

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
