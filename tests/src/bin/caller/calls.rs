//! All calls that can be made.

use rustix::io::Result;

use crate::room::Room;
use crate::{files, memory, network, processes};

/// Makes one system call, the one of that name. It fails with nothing but what is injected.
pub(crate) type Call = fn(&Room) -> Result<()>;

/// By name, in an order in which each leaves behind what the next ones need.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, Call)> {
    let files = files::BY_DESCRIPTOR.iter().chain(files::BY_PATH);
    let rest = memory::CALLS
        .iter()
        .chain(network::CALLS)
        .chain(processes::CALLS);
    files.chain(rest).copied()
}
