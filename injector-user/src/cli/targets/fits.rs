//! Which faults fit: the planner is asked, so this cannot differ from what `inject` would say.

use std::collections::{BTreeMap, BTreeSet};

use injector_core::fault::{self, FaultSpec, Given, Kind};
use injector_core::plan::{
    Capability, CapabilityState, FileId, FileSystem, Inventory, Mechanism, Memory, every_function,
    plan,
};
use injector_core::target::Selector;
use serde::Serialize;

/// Whether one fault fits one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Fit {
    pub(super) fault: Kind,
    #[serde(flatten)]
    pub(super) fits: Fits,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fits", rename_all = "kebab-case")]
pub(super) enum Fits {
    Yes,
    /// Only for some ports or peers.
    Filtered,
    No {
        reason: String,
    },
}

/// Supposes that this host can do everything; `doctor` says whether it can.
pub(super) fn suppose_able(inventory: &mut Inventory) {
    let able = Capability {
        state: CapabilityState::Supported,
        reason: String::new(),
    };
    let all = Mechanism::ALL.iter();
    inventory.capabilities = all.map(|mechanism| (*mechanism, able.clone())).collect();
    inventory.functions = every_function();
    // That there are files is not looked up for everything there is.
    inventory.files.directories.push(FileId::default());
    // Nor what there is to use up.
    inventory.supplies.memory = Some(Memory {
        total: u64::MAX,
        available: u64::MAX,
    });
    let members = inventory.cgroups.iter().flat_map(|cgroup| &cgroup.members);
    let members: BTreeSet<i32> = members.copied().collect();
    let seen_by = members.into_iter().map(Some).chain([None]);
    inventory.supplies.file_systems = seen_by.map(endless).collect();
}

fn endless(seen_by: Option<i32>) -> FileSystem {
    FileSystem {
        seen_by,
        device: 0,
        total: u64::MAX,
        free: u64::MAX,
        available: u64::MAX,
        is_memory: false,
        is_needed: false,
        problem: None,
    }
}

/// Every fault, in the order of the documentation.
pub(super) fn fits(inventory: &Inventory, selector: &Selector) -> Vec<Fit> {
    let fit = |kind: &Kind| Fit {
        fault: *kind,
        fits: fit(inventory, selector, *kind),
    };
    Kind::ALL.iter().map(fit).collect()
}

fn fit(inventory: &Inventory, selector: &Selector, kind: Kind) -> Fits {
    let refusal = match decide(inventory, selector, kind, &[]) {
        Ok(()) => return Fits::Yes,
        Err(reason) => reason,
    };
    match decide(inventory, selector, kind, &[("ports", "1")]) {
        Ok(()) => Fits::Filtered,
        Err(_same_or_worse) => Fits::No { reason: refusal },
    }
}

fn decide(
    inventory: &Inventory,
    selector: &Selector,
    kind: Kind,
    more: &[(&str, &str)],
) -> Result<(), String> {
    let spec = sample(selector, kind, more)?;
    plan(inventory, &spec)
        .map(drop)
        .map_err(|refusal| refusal.reason)
}

/// The least that can be asked of a fault.
fn sample(selector: &Selector, kind: Kind, more: &[(&str, &str)]) -> Result<FaultSpec, String> {
    let target = selector.to_string();
    let common = [
        ("target", target.as_str()),
        ("duration", "1s"),
        ("all", "true"),
    ];
    let params = common.iter().chain(kind.least()).chain(more);
    let params: BTreeMap<String, Given> = params
        .map(|(name, text)| ((*name).to_owned(), Given::flag(name, *text)))
        .collect();
    fault::parse(kind, &params).map_err(|problems| problems.to_string())
}

#[cfg(test)]
mod tests {
    use injector_core::fault::Kind;
    use injector_core::plan::{Interface, InterfaceKind, Inventory, Namespace};

    use super::{Fits, fits, suppose_able};

    fn host(is_host: bool) -> Inventory {
        let mut inventory = Inventory {
            namespaces: vec![Namespace {
                inode: 1,
                name: Some("blue".to_owned()),
                handle: "/run/netns/blue".to_owned(),
                is_host,
                interfaces: vec![Interface {
                    name: "eth0".to_owned(),
                    index: 2,
                    kind: InterfaceKind::Ethernet,
                    up: true,
                    part_of: None,
                }],
                members: Some(Vec::new()),
            }],
            ..Inventory::default()
        };
        suppose_able(&mut inventory);
        inventory
    }

    fn check(inventory: &Inventory, selector: &str, expected: [&str; 3]) {
        let found = fits(inventory, &selector.parse().unwrap());
        let word = |kind: Kind| {
            let mut fits = found.iter().filter(|fit| fit.fault == kind);
            match fits.next().unwrap().fits {
                Fits::Yes => "yes",
                Fits::Filtered => "filtered",
                Fits::No { .. } => "no",
            }
        };
        let [packets, calls, freeze] = expected;
        for kind in Kind::ALL {
            let expected = match kind {
                Kind::SockError => calls,
                kind if kind.is_of_calls() => freeze,
                Kind::ProcessFreeze | Kind::ProcessSignal => freeze,
                kind if kind.is_of_pressure() => freeze,
                kind if kind.controllers().is_some() => freeze,
                _ => packets,
            };
            assert_eq!(word(*kind), expected, "{kind}: {found:?}");
        }
    }

    #[test]
    fn packets_of_a_namespace_suffer_and_its_calls_do_not() {
        check(&host(false), "netns:blue", ["yes", "no", "no"]);
        check(&host(false), "iface:eth0@blue", ["yes", "no", "no"]);
    }

    #[test]
    fn an_interface_of_the_host_needs_a_filter() {
        check(&host(true), "iface:eth0", ["filtered", "no", "no"]);
    }
}
