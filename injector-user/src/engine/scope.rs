//! Which TCP sockets are the target's and concern a fault.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use injector_core::plan::{Plan, Select, Who};
use procfs::process::{FDTarget, Process};

/// The sockets of a plan's namespaces that its packets belong to.
#[derive(Debug)]
pub(super) struct Scope {
    select: Select,
    /// Only sockets of these processes; none if the whole namespace is the target.
    pids: Option<Vec<i32>>,
}

impl Scope {
    pub(super) fn of(plan: &Plan) -> Self {
        let shared = plan.select.cgroup.is_some() || !plan.select.thread_groups.is_empty();
        let pids = plan.who.iter().filter_map(|who| match who {
            Who::Process { pid, .. } => Some(*pid),
            Who::Interface { .. } => None,
        });
        Self {
            select: plan.select.clone(),
            pids: shared.then(|| pids.collect()),
        }
    }

    /// Whether the filters name a connection.
    pub(super) fn names(&self, local_port: u16, peer: SocketAddr) -> bool {
        let Select { ports, peers, .. } = &self.select;
        let named = |port| {
            let mut ranges = ports.iter();
            ranges.any(|range| (range.first()..=range.last()).contains(&port))
        };
        let of_ports = ports.is_empty() || named(local_port) || named(peer.port());
        let of_peers = peers.is_empty() || peers.iter().any(|prefix| prefix.contains(peer.ip()));
        of_ports && of_peers
    }

    /// The inodes of the target's sockets; none where every socket counts.
    pub(super) fn inodes(&self) -> Option<BTreeSet<u32>> {
        let pids = self.pids.as_ref()?;
        let opened = pids
            .iter()
            .filter_map(|pid| Process::new(*pid).ok()?.fd().ok());
        let inodes = opened.flatten().flatten().filter_map(|fd| match fd.target {
            FDTarget::Socket(inode) => u32::try_from(inode).ok(),
            _ => None,
        });
        Some(inodes.collect())
    }
}
