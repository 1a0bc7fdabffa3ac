//! The open connections that a partition concerns: named to the kernel programs, or reset.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd as _;

use injector_abi::net::{Connection, Exempt};
use injector_core::fault::Action;
use injector_core::fault::net::{Answer, Connections, Partition};
use injector_core::plan::Hook;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;

use super::arm::namespaces;
use super::running::{Effect, Running};
use super::scope::Scope;
use crate::loader::{Kernel, mapped, open_namespace};
use crate::sys::netns;
use crate::target::{OpenConnection, open_connections, reset};

/// Names to the programs the connections that are open now, if it is only those that are cut off.
pub(super) fn name_open(kernel: &mut Kernel, running: &mut Running) {
    let Some(Partition {
        connections: Connections::Established,
        ..
    }) = partition(running)
    else {
        return;
    };
    let (found, failures) = each_namespace(running, |open| Ok(open.to_vec()));
    running.warnings.extend(failures);
    let named: Vec<(usize, Connection)> = found
        .into_iter()
        .flatten()
        .flat_map(|(positions, open)| {
            let connection = entry(&open);
            positions.into_iter().map(move |at| (at, connection))
        })
        .collect();
    if let Effect::Kernel(armed) = &running.effect
        && let Err(error) = kernel.connect(armed, &named)
    {
        let warning = format!("open connections could not be cut off: {error}");
        running.warnings.push(warning);
    }
}

/// Resets the connections that are open now, if that is asked for, and counts them.
pub(super) fn reset_open(running: &mut Running) {
    let Some(partition) = partition(running) else {
        return;
    };
    if partition.how != Answer::Reset || partition.connections == Connections::New {
        return;
    }
    let (counts, failures) = each_namespace(running, |open| {
        let reset = open.iter().map(|(_positions, one)| reset(one));
        let done = reset.collect::<io::Result<Vec<bool>>>()?;
        Ok(done.into_iter().filter(|done| *done).count() as u64)
    });
    running.warnings.extend(failures);
    running.connections_reset = Some(counts.into_iter().sum());
}

fn partition(running: &Running) -> Option<&Partition> {
    match &running.spec.action {
        Action::NetPartition(partition) => Some(partition),
        _ => None,
    }
}

/// A connection, and which of the plan's hooks its packets pass.
type Passing = (Vec<usize>, OpenConnection);

/// Has `work` done inside each namespace with the connections there that the fault concerns; gives
/// what came of it, and what failed.
fn each_namespace<T: Send>(
    running: &Running,
    work: impl Fn(&[Passing]) -> io::Result<T> + Sync,
) -> (Vec<T>, Vec<String>) {
    let scope = Scope::of(&running.plan);
    let inodes = scope.inodes();
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for (inode, path) in namespaces(&running.plan) {
        let inside = || -> io::Result<T> {
            let own = own_addresses()?;
            let open = open_connections().map_err(io::Error::other)?;
            let open = open.into_iter().filter(|one| {
                scope.names(one.local.port(), one.peer)
                    && inodes.as_ref().is_none_or(|set| set.contains(&one.inode))
                    && !keeps_caller_in(one, &running.exempt)
            });
            let passing = open.map(|one| (positions(running, inode, &one, &own), one));
            let passing: Vec<Passing> = passing.filter(|(at, _one)| !at.is_empty()).collect();
            work(&passing)
        };
        let result = open_namespace(&path, inode)
            .map_err(io::Error::other)
            .and_then(|namespace| netns::within(namespace.as_fd(), inside).flatten());
        match result {
            Ok(one) => done.push(one),
            Err(error) => failures.push(format!("open connections of {path}: {error}")),
        }
    }
    (done, failures)
}

/// The hooks that a connection's packets pass, by their numbers in the plan.
fn positions(
    running: &Running,
    namespace: u64,
    open: &OpenConnection,
    own: &BTreeMap<IpAddr, u32>,
) -> Vec<usize> {
    let (local, peer) = (open.local.ip(), open.peer.ip());
    // Whoever talks to itself does so over the loopback.
    let interface = if own.contains_key(&peer) {
        Some(LOOPBACK)
    } else {
        own.get(&local).copied()
    };
    let hooks = running.plan.hooks.iter().enumerate();
    let passed = hooks.filter(|(_at, hook)| match hook {
        Hook::Tcx {
            netns_inode,
            ifindex,
            ..
        } => *netns_inode == namespace && interface.is_none_or(|one| one == *ifindex),
        Hook::Cgroup { .. }
        | Hook::Sockets { .. }
        | Hook::Freezer { .. }
        | Hook::Members { .. }
        | Hook::Family { .. }
        | Hook::Function { .. }
        | Hook::Instructions { .. }
        | Hook::Exit { .. }
        | Hook::Filter { .. }
        | Hook::Workers { .. }
        | Hook::Setting { .. } => false,
    });
    passed.map(|(at, _hook)| at).collect()
}

/// Of every network namespace.
const LOOPBACK: u32 = 1;

/// The addresses of the calling thread's network namespace, and on which interface each is.
fn own_addresses() -> io::Result<BTreeMap<IpAddr, u32>> {
    let found = getifaddrs()?.filter_map(|one| {
        let address = one.address?;
        let ip = match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
            (Some(v4), _) => IpAddr::V4(v4.ip()),
            (None, Some(v6)) => IpAddr::V6(v6.ip()),
            (None, None) => return None,
        };
        let index = if_nametoindex(one.interface_name.as_str()).ok()?;
        Some((ip, index))
    });
    Ok(found.collect())
}

fn entry(open: &OpenConnection) -> Connection {
    Connection {
        local: mapped(open.local.ip()),
        peer: mapped(open.peer.ip()),
        hook: 0,
        local_port: open.local.port(),
        peer_port: open.peer.port(),
    }
}

/// The same rules as in the kernel programs: whole local ports, and single connections.
fn keeps_caller_in(open: &OpenConnection, exempt: &[Exempt]) -> bool {
    const TCP: u16 = 6;
    let keys: BTreeSet<_> = exempt
        .iter()
        .filter(|one| one.protocol == TCP && one.local_port == open.local.port())
        .map(|one| (one.peer, one.peer_port))
        .collect();
    keys.contains(&([0; 16], 0)) || keys.contains(&(mapped(open.peer.ip()), open.peer.port()))
}
