//! Host names among peers, resolved where the fault is asked for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use injector_core::fault::{FaultSpec, Peer};
use injector_core::problem::Problem;
use tokio::net::lookup_host;

/// The fault with every name resolved, by the caller's own name service and once: the plan says to
/// what.
pub async fn resolve(spec: &FaultSpec) -> Result<FaultSpec, Problem> {
    let mut spec = spec.clone();
    let place = spec.places.of("peers");
    for peer in spec.action.peers_mut() {
        let Peer::Name { name, addresses } = peer else {
            continue;
        };
        if !addresses.is_empty() {
            continue;
        }
        let failed = |why: &dyn std::fmt::Display| {
            let message = format!("the name `{name}` could not be resolved: {why}");
            Problem::new(place.clone(), message).hint("check the name, or give its addresses")
        };
        let found = lookup_host((name.as_str(), 0)).await;
        let found = found.map_err(|error| failed(&error))?;
        let found: BTreeSet<IpAddr> = found.map(|address| address.ip()).collect();
        if found.is_empty() {
            return Err(failed(&"it has no address"));
        }
        *addresses = found.into_iter().collect();
    }
    Ok(spec)
}
