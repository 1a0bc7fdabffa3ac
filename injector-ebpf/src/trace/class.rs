//! Which class a task is of.

use aya_ebpf::helpers::generated::{bpf_get_current_ancestor_cgroup_id, bpf_get_current_cgroup_id};
use injector_abi::lack::CALLERS_CGROUP;
use injector_abi::trace::{Current, REST, UNDECIDED, UNOBSERVED, Watch, lost};

use super::count;
use super::maps::{CLASS_BY_CGROUP, CLASS_BY_GROUP, WATCH};
use crate::cgroup;
use crate::foreign;
use crate::patched;
use crate::select::{Slots, only};
use crate::task;

/// Looks the class of the current task up, unless that has been done and nobody has come into another class
/// since.
#[inline(always)]
pub fn renew(current: &mut Current) {
    // Read first: should it change meanwhile, the next look sees that.
    let epoch = epoch();
    if current.class == UNDECIDED || current.epoch != epoch {
        current.class = of_caller();
        current.epoch = epoch;
    }
}

/// The class of the task that makes a call now, which was this one at that epoch.
#[inline(always)]
#[must_use]
pub fn renewed(class: u32, epoch: u64) -> u32 {
    if class == UNDECIDED || epoch != self::epoch() {
        of_caller()
    } else {
        class
    }
}

/// Another one after each change of who is in which class.
#[inline(always)]
#[must_use]
pub fn epoch() -> u64 {
    WATCH.get(0).map_or(0, |watch| watch.epoch)
}

/// The class of the task that makes a call now. A 32-bit caller's numbers mean other calls: it is left out,
/// and counted.
///
/// A function of its own, as it is called at the first call after each change of tasks only.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn of_caller() -> u32 {
    if foreign::is_foreign() {
        count::lost(lost::FOREIGN);
        return UNOBSERVED;
    }
    of_current()
}

/// The class of the current task.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn of_current() -> u32 {
    let Some(watch) = WATCH.get(0) else {
        return UNOBSERVED;
    };
    if watch.by_thread_group != 0
        && let Some(class) = of_thread_group(task::tgid())
    {
        return class;
    }
    // SAFETY: the helper has no arguments.
    let own = unsafe { bpf_get_current_cgroup_id() };
    of_cgroup(own)
        .or_else(|| of_ancestors(watch))
        .unwrap_or(watch.rest)
}

/// The class of whoever made the socket at this address of the kernel's.
#[inline(always)]
#[must_use]
pub fn of_socket(socket: u64) -> u32 {
    cgroup::of_socket_at(socket).map_or_else(rest, |address| of_address(address))
}

/// The class of the cgroup at this address of the kernel's.
#[unsafe(export_name = "class_of_address")]
#[inline(never)]
pub extern "C" fn of_address(address: u64) -> u32 {
    let Some(watch) = WATCH.get(0) else {
        return UNOBSERVED;
    };
    let Some(level) = cgroup::level_at(address) else {
        return watch.rest;
    };
    if let Some(class) = of_cgroup(cgroup::id_at(address, level & 63)) {
        return class;
    }
    let mut found = 0;
    for level in Slots::of(watch.levels) {
        let class = of_address_at(address, level);
        if class != 0 {
            found = class;
        }
    }
    if found == 0 { watch.rest } else { found }
}

#[unsafe(export_name = "class_of_address_at")]
#[inline(never)]
extern "C" fn of_address_at(address: u64, level: u64) -> u32 {
    of_cgroup(cgroup::id_at(address, only(level))).unwrap_or(0)
}

/// The class of everybody else.
#[inline(always)]
#[must_use]
pub fn rest() -> u32 {
    WATCH.get(0).map_or(UNOBSERVED, |watch| watch.rest)
}

/// The class of a cgroup's own.
#[inline(always)]
#[must_use]
pub fn of_cgroup(id: u64) -> Option<u32> {
    // SAFETY: the value is one word, read once.
    unsafe { CLASS_BY_CGROUP.get(id) }.copied()
}

/// The class of a thread group's own.
#[inline(always)]
#[must_use]
pub fn of_thread_group(tgid: u32) -> Option<u32> {
    // SAFETY: as above.
    unsafe { CLASS_BY_GROUP.get(tgid) }.copied()
}

/// Of the cgroups that the current task's is in, the nearest that has a class: it may be younger than the
/// last look at what there is.
#[inline(always)]
fn of_ancestors(watch: &Watch) -> Option<u32> {
    if patched::lack() & CALLERS_CGROUP != 0 {
        return None;
    }
    let mut found = 0;
    for level in Slots::of(watch.levels) {
        let class = of_ancestor(level);
        if class != 0 {
            found = class;
        }
    }
    (found >= REST).then_some(found)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn of_ancestor(level: u64) -> u32 {
    // Checked by the verifier even where nobody calls it.
    if patched::lack() & CALLERS_CGROUP != 0 {
        return 0;
    }
    // SAFETY: a level that the cgroup does not have gives 0.
    let id = unsafe { bpf_get_current_ancestor_cgroup_id(only(level) as i32) };
    of_cgroup(id).unwrap_or(0)
}
