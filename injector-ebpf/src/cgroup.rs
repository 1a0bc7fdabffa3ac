//! The cgroup of a socket that was looked up. Programs at an interface have no helper for it, unlike for
//! the socket of a packet that leaves.

use aya_ebpf::bindings::bpf_sock;
use aya_ebpf::helpers::bpf_probe_read_kernel;
use injector_abi::SocketFields;

use crate::maps::FIELDS;

/// The kernel's structure of a cgroup.
#[derive(Clone, Copy)]
pub(crate) struct Cgroup<'a> {
    address: u64,
    fields: &'a SocketFields,
}

impl Cgroup<'_> {
    /// The one that `socket` was made in.
    #[inline(always)]
    pub(crate) fn of(socket: *mut bpf_sock) -> Option<Self> {
        let fields = FIELDS.get(0).filter(|fields| fields.cgroup != 0)?;
        // The verifier does not let us calculate with the pointer, but with a copy that is a number.
        let socket = read((&raw const socket) as u64)?;
        let address = read(socket + u64::from(fields.cgroup))?;
        Some(Self { address, fields })
    }

    /// The number of its ancestor so many levels below the root, of itself at its own level; 0 further down.
    #[inline(always)]
    pub(crate) fn id_at(self, level: u32) -> u64 {
        self.find_id_at(level).unwrap_or(0)
    }

    #[inline(always)]
    fn find_id_at(self, level: u32) -> Option<u64> {
        let Self { address, fields } = self;
        let own_level = read(address + u64::from(fields.level))? as u32;
        if level > own_level {
            return None;
        }
        let ancestor = address + u64::from(fields.ancestors) + u64::from(level) * 8;
        let node = read(read(ancestor)? + u64::from(fields.node))?;
        read(node + u64::from(fields.id))
    }
}

/// A word of kernel memory; nothing if there is none.
#[inline(always)]
fn read(address: u64) -> Option<u64> {
    // SAFETY: the helper reads kernel memory safely, whatever the address.
    unsafe { bpf_probe_read_kernel(address as *const u64) }.ok()
}
