//! Where an event stands in its fault's history, and how that is told.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use injector_abi::{Event, Progress, StreamKey};

use crate::atomic::fetch_add_one;
use crate::maps::{EVENTS, STREAMS};
use crate::patched;

/// No thread group has this number: a packet.
pub(crate) const NO_TGID: u32 = 0;

/// The stream of this event and its index there, from 1.
///
/// Packets are one stream. A thread group is one of its own, named by the order in which thread
/// groups appeared: its decisions do not depend on what other processes do meanwhile.
#[inline(always)]
pub(crate) fn hit_index(slot: u32, tgid: u32, progress: *mut Progress) -> Option<(u64, u64)> {
    // SAFETY: a field of the array's entry.
    let hits = unsafe { &raw mut (*progress).hits };
    // SAFETY: nothing changes it otherwise.
    let total = unsafe { fetch_add_one(hits) }? + 1;
    if tgid == NO_TGID {
        return Some((0, total));
    }
    let key = StreamKey { slot, tgid };
    if STREAMS.get_ptr_mut(key).is_none() {
        // SAFETY: as above.
        let streams = unsafe { &raw mut (*progress).streams };
        // SAFETY: as above.
        let ordinal = unsafe { fetch_add_one(streams) }?;
        // Losing a race against a thread of the same group leaves the winner's entry: fine.
        let _lost = STREAMS.insert(key, [ordinal, 0, 0], NO_OVERWRITE);
    }
    let stream = STREAMS.get_ptr_mut(key)?.cast::<u64>();
    // SAFETY: the first word of the entry never changes once it is there.
    let ordinal = unsafe { *stream };
    // SAFETY: an entry is three words.
    let index = unsafe { stream.add(1) };
    // SAFETY: threads of the group change it only here.
    Some((ordinal, unsafe { fetch_add_one(index) }? + 1))
}

const NO_OVERWRITE: u64 = 1;
const NO_WAKEUP: u64 = 1;

/// Tells user space; a full buffer loses the event, not the injection.
#[inline(always)]
pub(crate) fn report(slot: u32, stream: u64, hit: u64, progress: *mut Progress) {
    // SAFETY: the helper has no arguments and always succeeds.
    let at_ns = unsafe { bpf_ktime_get_ns() };
    // SAFETY: a word written whole; the last writer wins, which is what it says.
    unsafe { (*progress).last_injected_ns = at_ns };
    // SAFETY: a word read whole.
    let first = unsafe { (*progress).first_injected_ns };
    if first == 0 {
        // SAFETY: a word written whole; whoever else is first is so at the same time.
        unsafe { (*progress).first_injected_ns = at_ns };
    }
    let event = Event {
        at_ns,
        hit,
        stream,
        slot,
        hook: patched::hook(),
    };
    let _full = EVENTS.output::<Event>(&event, NO_WAKEUP);
}
