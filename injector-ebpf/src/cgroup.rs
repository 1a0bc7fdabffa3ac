//! Which faults name the cgroup of a packet's socket, or of the current process.
//!
//! Of a socket that was looked up, programs at an interface have no helper to tell it, unlike of the
//! socket of a packet that leaves.
//!
//! What is in a loop, or needed for both families, is a function whose arguments are numbers: else the
//! verifier would check it again and again.

use aya_ebpf::bindings::{__sk_buff, bpf_sock};
use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated::{
    bpf_get_current_ancestor_cgroup_id, bpf_skb_ancestor_cgroup_id,
};
use injector_abi::SocketFields;
use injector_abi::lack::CALLERS_CGROUP;

use crate::maps::{BY_CGROUP, FIELDS, SELECT};
use crate::patched;
use crate::select::{Slots, only};
use crate::task;

/// The slots that name the cgroup of the socket which sends the packet, or one that it is in.
#[inline(always)]
pub(crate) fn of_sender(skb: *mut __sk_buff, levels: u64) -> u64 {
    let mut named = 0;
    for level in Slots::of(levels) {
        named |= of_sender_at(skb, level);
    }
    named
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_sender_at(skb: *mut __sk_buff, level: u64) -> u64 {
    // SAFETY: the context is the program's own; a packet without a socket gives 0.
    named_by(unsafe { bpf_skb_ancestor_cgroup_id(skb, only(level) as i32) })
}

/// The slots that name the cgroup of the current process, or one that it is in.
#[inline(always)]
pub(crate) fn of_current(levels: u64) -> u64 {
    if patched::lack() & CALLERS_CGROUP != 0 {
        return task::cgroup().map_or(0, |address| of_address(address));
    }
    let mut named = 0;
    for level in Slots::of(levels) {
        named |= of_current_at(level);
    }
    named
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_current_at(level: u64) -> u64 {
    // Checked by the verifier even where nobody calls it.
    if patched::lack() & CALLERS_CGROUP != 0 {
        return 0;
    }
    // SAFETY: a level that the cgroup does not have gives 0.
    named_by(unsafe { bpf_get_current_ancestor_cgroup_id(only(level) as i32) })
}

/// The slots that name the cgroup at this address of the kernel's, or one that it is in.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn of_address(address: u64) -> u64 {
    let Some(select) = SELECT.get(0) else {
        return 0;
    };
    let mut named = 0;
    for level in Slots::of(select.cgroup_levels) {
        named |= of_address_at(address, level);
    }
    named
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_address_at(address: u64, level: u64) -> u64 {
    named_by(id_at(address, only(level)))
}

#[inline(always)]
fn named_by(cgroup: u64) -> u64 {
    // SAFETY: the value is one word, read once.
    unsafe { BY_CGROUP.get(cgroup) }.copied().unwrap_or(0)
}

/// Where the kernel keeps the cgroup that `socket` was made in; 0 if that cannot be told.
#[inline(always)]
pub(crate) fn address_of(socket: *mut bpf_sock) -> u64 {
    find_address(socket).unwrap_or(0)
}

#[inline(always)]
fn find_address(socket: *mut bpf_sock) -> Option<u64> {
    let fields = fields()?;
    // The verifier does not let us calculate with the pointer, but with a copy that is a number.
    let socket = read((&raw const socket) as u64)?;
    let word = read(socket + u64::from(fields.cgroup))?;
    // Before 5.15 the lowest bit says that the word is something else, the next one how it is held.
    (word & 1 == 0).then_some(word & !3)
}

/// How far below the root the cgroup at this address is.
#[inline(always)]
pub(crate) fn level_at(address: u64) -> Option<u32> {
    Some(read(address + u64::from(fields()?.level))? as u32)
}

/// Where the kernel keeps the cgroup of the socket at this address; nothing if that cannot be told.
#[inline(always)]
pub(crate) fn of_socket_at(socket: u64) -> Option<u64> {
    let word = read(socket + u64::from(fields()?.cgroup))?;
    // As above.
    (word & 1 == 0).then_some(word & !3)
}

/// The number of the ancestor, so many levels below the root, of the cgroup at this address: of itself
/// at its own level; 0 further down.
#[inline(always)]
pub(crate) fn id_at(address: u64, level: u32) -> u64 {
    find_id_at(address, level).unwrap_or(0)
}

#[inline(always)]
fn find_id_at(address: u64, level: u32) -> Option<u64> {
    let fields = fields()?;
    let own_level = read(address + u64::from(fields.level))? as u32;
    if level > own_level {
        return None;
    }
    let ancestor = read(address + u64::from(fields.ancestors) + u64::from(level) * 8)?;
    if fields.node == 0 {
        return Some(ancestor);
    }
    let node = read(ancestor + u64::from(fields.node))?;
    read(node + u64::from(fields.id))
}

/// Where the kernel keeps what, if that is known.
#[inline(always)]
fn fields() -> Option<&'static SocketFields> {
    FIELDS.get(0).filter(|fields| fields.cgroup != 0)
}

/// A word of kernel memory; nothing if there is none.
#[inline(always)]
fn read(address: u64) -> Option<u64> {
    // SAFETY: the helper reads kernel memory safely, whatever the address.
    unsafe { bpf_probe_read_kernel(address as *const u64) }.ok()
}
