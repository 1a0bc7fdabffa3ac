//! Network faults: delay lines and probabilities of aggregates.

use std::os::fd::AsFd as _;
use std::sync::Arc;

use injector_abi::HOOK_MAGIC;
use injector_abi::net::MAX_SEGMENTS;
use injector_core::fault::net::{Delay, Distribution};
use injector_core::plan::{Hook, Way};

use super::hooks::{HookError, open_namespace};
use super::kernel::KernelError;
use super::maps::Tables;
use super::object::Object;
use super::program::{Link, Program, Role};
use crate::delay_line::{Latency, Line, Tap};
use crate::sys::netns;

/// A running line, and where packets enter it.
#[derive(Debug)]
pub(super) struct StartedLine {
    pub line: Line,
    pub ifindex: u32,
}

/// What gives packets back from a line's device; kept by the line, detached with it.
#[derive(Debug)]
pub struct Return {
    _link: Link,
    _program: Program,
}

/// Builds the delay line at `position`: device, program that gives packets back, forwarding loop.
pub(super) fn line(
    net: &Object,
    tables: &Tables,
    hook: &Hook,
    position: u32,
    delay: &Delay,
    seed: u64,
) -> Result<StartedLine, KernelError> {
    let Hook::Tcx {
        netns: path,
        netns_inode,
        ifindex: interface,
        loopback,
        direction,
        ..
    } = hook
    else {
        return Err(KernelError::NoLine);
    };
    let namespace = open_namespace(path, *netns_inode)?;
    let tap_name = format!("tmb{:x}.{position:x}", std::process::id());
    let tap = Tap::create(namespace.as_fd(), &tap_name)?;
    let name = giver_back(*loopback, *direction);
    let program = net.load(name, Role::InterfaceIngress, &[(HOOK_MAGIC, *interface)])?;
    let ifindex = tap.ifindex;
    let attach = || program.attach_to_interface(ifindex);
    let attached = netns::within(namespace.as_fd(), attach);
    let link = attached.map_err(|source| HookError::Enter {
        path: path.clone(),
        source,
    })?;
    let back = Return {
        _link: link.map_err(HookError::from)?,
        _program: program,
    };
    let leases = Arc::clone(&tables.line_leases);
    let line = Line::start(tap, back, leases, position as usize, latency(delay), seed)?;
    Ok(StartedLine { line, ifindex })
}

/// The program that gives back what was taken at such a place.
fn giver_back(loopback: bool, direction: Way) -> &'static str {
    match (loopback, direction) {
        (true, Way::Egress) => "line_loopback_egress",
        (true, Way::Ingress) => "line_loopback_ingress",
        (false, Way::Egress) => "line_egress",
        (false, Way::Ingress) => "line_ingress",
    }
}

fn latency(delay: &Delay) -> Latency {
    let &Delay {
        filter: _,
        latency,
        jitter,
        distribution,
    } = delay;
    if jitter.is_zero() {
        return Latency::Fixed(latency);
    }
    match distribution {
        Distribution::Uniform => Latency::Uniform { latency, jitter },
        Distribution::Normal => Latency::Normal { latency, jitter },
    }
}

/// The probability of losing at least one of n segments, in units of 2^-32, for each n from 1: what
/// an aggregate would suffer if it were cut up first. Gives (n - 1, threshold).
pub(super) fn by_segments(probability: f64) -> impl Iterator<Item = (u32, u64)> {
    (0..MAX_SEGMENTS).map(move |index| {
        let spared = (1.0 - probability).powf(f64::from(index + 1));
        (index, threshold(1.0 - spared))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 2^32 inclusive"
)]
fn threshold(probability: f64) -> u64 {
    (probability.clamp(0.0, 1.0) * 2_f64.powi(32)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::by_segments;

    #[test]
    fn an_aggregate_is_lost_as_often_as_one_of_its_segments_would_be() {
        let all: Vec<u64> = by_segments(0.5)
            .map(|(_index, threshold)| threshold)
            .collect();
        assert_eq!(all[..3], [1 << 31, 3 << 30, 7 << 29]);
        assert_eq!(all.len(), 64);
        assert!(by_segments(0.0).all(|(_index, threshold)| threshold == 0));
        assert!(by_segments(1.0).all(|(_index, threshold)| threshold == 1 << 32));
    }
}
