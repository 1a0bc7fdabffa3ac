//! System calls about sockets: at hooks of the cgroup that the sockets were made in, which every kernel
//! that we know has, and which know IPv4 and IPv6 only.

use super::ways::Whose;
use crate::fault::syscall::{Failing, FdKind};
use crate::plan::decision::{Attach, Hook, Mechanism};
use crate::plan::inventory::Inventory;
use crate::plan::sock;

struct Row {
    attach: Attach,
    calls: &'static [&'static str],
    mechanism: Mechanism,
    /// Which of those calls fail there.
    only: &'static str,
}

const ROWS: [Row; 6] = [
    row(Attach::Connect, &["connect"], Mechanism::CgroupSock, IP),
    row(Attach::Bind, &["bind"], Mechanism::CgroupSock, IP),
    row(
        Attach::Sendmsg,
        &["sendto", "sendmsg"],
        Mechanism::CgroupSock,
        "only datagrams of IPv4 and IPv6 that are sent to an address in the call",
    ),
    row(Attach::Socket, &["socket"], Mechanism::CgroupSock, IP),
    row(
        Attach::Setsockopt,
        &["setsockopt"],
        Mechanism::CgroupOption,
        MADE_HERE,
    ),
    row(
        Attach::Getsockopt,
        &["getsockopt"],
        Mechanism::CgroupOption,
        MADE_HERE,
    ),
];

const IP: &str = "only of IPv4 and IPv6 sockets";
const MADE_HERE: &str = "only of sockets that were made in the target's cgroup";

const fn row(
    attach: Attach,
    calls: &'static [&'static str],
    mechanism: Mechanism,
    only: &'static str,
) -> Row {
    Row {
        attach,
        calls,
        mechanism,
        only,
    }
}

fn find(syscall: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.calls.contains(&syscall))
}

/// By what the call can be met there; none if it passes no such hook.
pub(super) fn mechanism(syscall: &str) -> Option<Mechanism> {
    find(syscall).map(|row| row.mechanism)
}

/// Which of these calls fail there, and which do not.
pub(super) fn only(syscall: &str) -> Option<&'static str> {
    find(syscall).map(|row| row.only)
}

/// Where the calls of those whom the fault is about are met.
pub(super) fn hooks(
    inventory: &Inventory,
    failing: &Failing,
    syscall: &str,
    whose: Whose<'_>,
) -> Result<Vec<Hook>, String> {
    let row = find(syscall).ok_or("the call passes no hook of a cgroup")?;
    if failing.path.is_some() {
        return Err("which file it is about is not told there".to_owned());
    }
    if failing.size.is_some() {
        return Err("how many bytes it is about is not told there".to_owned());
    }
    let mut kinds = failing.fd.iter();
    if !kinds.all(|kinds| kinds.contains(&FdKind::Socket)) {
        return Err("it is about sockets only".to_owned());
    }
    let Whose::Those(processes) = whose else {
        return Ok(Vec::new());
    };
    let (paths, _chosen) = sock::cgroups(processes).map_err(|refusal| refusal.reason)?;
    let hooks = paths.iter();
    Ok(hooks
        .map(|path| sock::hook(inventory, path, row.attach))
        .collect())
}
