//! What the planner is told about real cgroups and network namespaces.

use std::fs;
use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result};
use injector_core::fault::Kind;
use injector_core::plan::{Cgroup as Found, Hierarchy, Inventory};
use injector_core::target::Selector;
use injector_user::safety::{Protection, permit_housekeeping};
use injector_user::sys::netns::within;
use injector_user::target::{Gathering, Names, gather};
use temblor_tests::{Cgroup, Victim, wait_until};

use super::double::{DEADLINE, for_each_freezer};

fn gathered(target: &str, kind: Kind) -> Result<Inventory> {
    let selector: Selector = target.parse()?;
    let gathering = Gathering {
        command: None,
        names: &Names::default(),
        protection: &Protection::of([]),
        own: &[],
    };
    Ok(gather(&selector, kind, &gathering)?)
}

#[test]
fn a_process_alone_in_its_namespace_is_known_to_be() -> Result<()> {
    let victim = Victim::start_in_own_netns()?;
    let inventory = gathered(&format!("pid:{}", victim.pid()), Kind::NetDelay)?;
    let [namespace] = &inventory.namespaces[..] else {
        anyhow::bail!("one namespace, not {:?}", inventory.namespaces);
    };
    assert!(!namespace.is_host);
    assert_eq!(namespace.members, Some(vec![victim.pid()]));
    let [lo] = &namespace.interfaces[..] else {
        anyhow::bail!("one interface, not {:?}", namespace.interfaces);
    };
    assert_eq!((lo.name.as_str(), lo.up), ("lo", false));
    let link = fs::read_link(format!("/proc/{}/ns/net", victim.pid()))?;
    assert_eq!(link.to_string_lossy(), format!("net:[{}]", namespace.inode));

    let by_pid = gathered(&format!("iface:lo@{}", victim.pid()), Kind::NetLoss)?;
    assert_eq!(by_pid.namespaces[0].inode, namespace.inode);
    Ok(())
}

#[test]
fn work_in_a_namespace_leaves_us_where_we_are() -> Result<()> {
    let victim = Victim::start_in_own_netns()?;
    let here = || fs::read_link("/proc/thread-self/ns/net");
    let before = here()?;
    let namespace = fs::File::open(format!("/proc/{}/ns/net", victim.pid()))?;
    let there = within(namespace.as_fd(), here)??;
    let of_victim = fs::read_link(format!("/proc/{}/ns/net", victim.pid()))?;
    assert_eq!((there, here()?), (of_victim, before));
    Ok(())
}

#[test]
fn a_cgroup_is_found_with_its_members_and_state() -> Result<()> {
    for_each_freezer(|flavour| {
        let cgroup = Cgroup::make(flavour, "found")?;
        let victim = Victim::start()?;
        cgroup.enter(victim.pid())?;
        let name = cgroup.folder().file_name().context("it has a name")?;
        let target = format!("cgroup:/{}", name.to_string_lossy());
        let find = || -> Result<Found> {
            let inventory = gathered(&target, Kind::ProcessFreeze)?;
            let mut named = inventory.cgroups.into_iter();
            named
                .find(|found| target.ends_with(&found.path) && !found.is_root)
                .context("it is found")
        };
        let found = find()?;
        assert_eq!(
            (found.members.as_slice(), found.frozen),
            (&[victim.pid()][..], false)
        );
        assert!(matches!(
            found.hierarchy,
            Hierarchy::V2 | Hierarchy::V1Freezer
        ));
        let freezer = cgroup.freezer()?;
        freezer.freeze(&permit_housekeeping())?;
        let is_frozen = || find().is_ok_and(|found| found.frozen);
        wait_until("it is seen frozen", DEADLINE, is_frozen)?;
        freezer.thaw()?;
        wait_until("it is seen thawed", DEADLINE, || !is_frozen())?;
        drop(victim);
        Ok(())
    })
}
