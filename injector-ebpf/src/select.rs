//! Whom an event concerns: masks of slots, one look-up per dimension in use.

use aya_ebpf::maps::lpm_trie::Key;
use injector_abi::Select;
use injector_abi::net::PEER_BITS;

use crate::cgroup;
use crate::maps::{BY_PEER, BY_PORT, BY_SYSCALL, BY_THREAD_GROUP};

/// Keeps the slots of `mask` that have no port filter or name one of the two ports.
#[inline(always)]
pub fn by_ports(select: &Select, mask: u64, one: u16, other: u16) -> u64 {
    if mask & !select.any_port == 0 {
        return mask;
    }
    let named = BY_PORT.get(u32::from(one)).copied().unwrap_or(0)
        | BY_PORT.get(u32::from(other)).copied().unwrap_or(0);
    mask & (select.any_port | named)
}

/// Keeps the slots of `mask` that have no peer filter or name a prefix of the peer, which is read only
/// if it matters.
#[inline(always)]
pub fn by_peer(select: &Select, mask: u64, peer: impl FnOnce() -> [u8; 16]) -> u64 {
    if mask & !select.any_peer == 0 {
        return mask;
    }
    let named = BY_PEER
        .get(Key::new(PEER_BITS, peer()))
        .copied()
        .unwrap_or(0);
    mask & (select.any_peer | named)
}

/// Keeps the slots of `mask` that have no thread-group filter or name `tgid`.
#[inline(always)]
pub fn by_thread_group(select: &Select, mask: u64, tgid: u32) -> u64 {
    if mask & !select.any_thread_group == 0 {
        return mask;
    }
    mask & (select.any_thread_group | of_thread_group(tgid))
}

/// The slots that name `tgid`.
#[inline(always)]
#[must_use]
pub fn of_thread_group(tgid: u32) -> u64 {
    // SAFETY: the value is one word, read once; a concurrent update gives the old or the new mask.
    unsafe { BY_THREAD_GROUP.get(tgid) }.copied().unwrap_or(0)
}

/// Keeps the slots of `mask` that have no cgroup filter, or name the one that the caller is in.
#[inline(always)]
pub fn by_current_cgroup(select: &Select, mask: u64) -> u64 {
    if mask & !select.any_cgroup == 0 {
        return mask;
    }
    mask & (select.any_cgroup | cgroup::of_current(select.cgroup_levels))
}

/// The slots that name this system call.
#[inline(always)]
#[must_use]
pub fn of_syscall(number: u32) -> u64 {
    BY_SYSCALL.get(number).copied().unwrap_or(0)
}

/// The slots of a mask, lowest first, each as the mask of it alone.
///
/// The count makes the loop's bound plain to the verifier, which cannot follow a mask. It goes through
/// every turn: what a turn does besides is best a function of its own, which it checks once.
#[derive(Clone, Debug)]
pub struct Slots {
    mask: u64,
    left: u64,
}

/// The only slot of a mask.
#[inline(always)]
#[must_use]
pub fn only(slot: u64) -> u32 {
    slot.trailing_zeros()
}

impl Slots {
    #[inline(always)]
    #[must_use]
    pub fn of(mask: u64) -> Self {
        Self {
            mask,
            left: u64::BITS.into(),
        }
    }
}

impl Iterator for Slots {
    type Item = u64;

    #[inline(always)]
    fn next(&mut self) -> Option<u64> {
        if self.mask == 0 || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let slot = self.mask & self.mask.wrapping_neg();
        self.mask ^= slot;
        Some(slot)
    }
}
