//! Connections that keep the caller and the host's own services in.

use std::path::Path;

use injector_abi::net::Exempt;
use injector_core::fault::FaultSpec;
use injector_core::plan::Plan;

use super::arm::namespaces;
use super::state::{Engine, failed};
use crate::loader::mapped;
use crate::protocol::Failure;
use crate::safety::{Exemptions, Transport, exemptions};
use crate::target;

impl Engine {
    /// What this plan's packet faults must leave alone; nothing if lock-out is allowed.
    pub(super) fn exempt(
        &self,
        spec: &FaultSpec,
        plan: &Plan,
        ssh_connection: Option<&str>,
    ) -> Result<Vec<Exempt>, Failure> {
        if spec.common.allow_lockout {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for (inode, path) in namespaces(plan) {
            // Protected processes of other namespaces have no sockets here.
            let protected = if target::is_own_namespace(inode) {
                target::protected(&self.protection)
            } else {
                Vec::new()
            };
            let found = exemptions(ssh_connection, Path::new(&path), protected)
                .map_err(|error| failed(&error))?;
            all.extend(entries(&found));
        }
        Ok(all)
    }
}

fn entries(found: &Exemptions) -> Vec<Exempt> {
    let ports = found.ports.iter().map(|local| Exempt {
        protocol: protocol(local.transport),
        local_port: local.port,
        ..Exempt::default()
    });
    let flows = found.flows.iter().map(|flow| Exempt {
        peer: mapped(flow.remote.ip()),
        protocol: protocol(flow.transport),
        local_port: flow.local.port(),
        peer_port: flow.remote.port(),
        ..Exempt::default()
    });
    ports.chain(flows).collect()
}

/// As in the IP header.
fn protocol(transport: Transport) -> u16 {
    match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
    }
}
