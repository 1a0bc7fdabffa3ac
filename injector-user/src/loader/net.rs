//! Network faults: their lines, and what their rows carry.

use std::os::fd::AsFd as _;
use std::sync::Arc;

use injector_abi::net::{answer, resume, stage};
use injector_abi::{CHAIN_STREAM, Chain, GOOD, HOOK_MAGIC, RESUME_MAGIC, SLOTS, draw, injects};
use injector_core::fault::net::{Answer, Bursts, Connections, Corruption};
use injector_core::fault::{Action, FaultSpec};
use injector_core::plan::{Hook, Select, Way};

use super::hooks::HookError;
use super::kernel::KernelError;
use super::maps::Tables;
use super::object::Object;
use super::place::open_namespace;
use super::program::{Link, Program, Role};
use crate::delay_line::{Line, Tap, Treatment, name_at};
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
    treatment: &Treatment,
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
    let tap = Tap::create(namespace.as_fd(), &name_at(position))?;
    let name = giver_back(*loopback, *direction);
    let arriving = *direction == Way::Ingress;
    let resumed = resume(arriving, stage_of(treatment), position % SLOTS);
    let constants = [(HOOK_MAGIC, *interface), (RESUME_MAGIC, resumed)];
    let program = net.load(name, Role::InterfaceIngress, &constants)?;
    let ifindex = tap.ifindex;
    let attach = || program.attach_to_own_interface(ifindex);
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
    let line = Line::start(tap, back, leases, position as usize, treatment, seed)?;
    Ok(StartedLine { line, ifindex })
}

/// The program that gives back what was taken at such a place.
fn giver_back(loopback: bool, direction: Way) -> &'static str {
    match (loopback, direction) {
        (true, _) => "line_loopback",
        (false, Way::Egress) => "line_egress",
        (false, Way::Ingress) => "line_ingress",
    }
}

/// What the sender of a packet hears that the fault loses.
pub(super) fn answer_of(action: &Action) -> u32 {
    match action {
        Action::NetLoss(loss) if loss.visible => answer::LOCAL_ERROR,
        Action::NetPartition(partition) => match partition.how {
            Answer::Drop => answer::SILENCE,
            Answer::Reset => answer::RESET,
            Answer::Reject => answer::REJECT,
        },
        _ => answer::SILENCE,
    }
}

/// Whether a fault needs programs that do everything, which take the verifier much longer.
pub(super) fn is_thorough(action: &Action, select: &Select) -> bool {
    let by_socket = select.cgroup.is_some() || !select.thread_groups.is_empty();
    let by_connection = select.connections != Connections::All;
    let otherwise = match action {
        Action::NetDuplicate(_) => true,
        Action::NetCorrupt(corrupt) => corrupt.how == Corruption::Silent,
        Action::NetPartition(partition) => partition.how != Answer::Drop,
        _loss_or_line => false,
    };
    by_socket || by_connection || otherwise
}

/// How many bits the fault flips in a packet.
pub(super) fn bits_of(action: &Action) -> u32 {
    match action {
        Action::NetCorrupt(corrupt) => corrupt.bits,
        _ => 0,
    }
}

/// The fault's chain, and the state it begins in: one of Gilbert and Elliott in the good one, as
/// netem's; a correlated fault in the bad one as often as it is to be there.
pub(super) fn chain_of(spec: &FaultSpec, seed: u64) -> (Chain, u64) {
    let (bursts, probability) = (spec.action.bursts(), spec.common.probability);
    let Some(gemodel) = bursts.chain(probability) else {
        return (Chain::default(), GOOD);
    };
    let chain = Chain {
        to_bad: gemodel.p.threshold(),
        to_good: gemodel.r.threshold(),
        in_good: gemodel.in_good.threshold(),
        in_bad: gemodel.in_bad.threshold(),
    };
    let bad = matches!(bursts, Bursts::Correlated(_))
        && injects(draw(seed, CHAIN_STREAM, 0), probability.threshold());
    (chain, GOOD ^ u64::from(bad))
}

/// The stage that a line is of.
fn stage_of(treatment: &Treatment) -> u32 {
    match treatment {
        Treatment::Spoil(_) => stage::CORRUPT,
        Treatment::Pace(_) => stage::RATE,
        Treatment::Delay(_) => stage::DELAY,
    }
}
