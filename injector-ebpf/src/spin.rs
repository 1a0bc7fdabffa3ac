//! Callers that are kept busy, for what is too short to be worth a sleep or where nobody can sleep.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use injector_abi::SLOTS;
use injector_abi::syscall::MOST_SPIN_NS;

use crate::bed;
use crate::judge::Act;
use crate::maps::CALLS;

/// How often the time is looked at, at most: so many times so often. It takes more than ten nanoseconds.
const TIMES: u32 = 128;
const LOOKS: u32 = 64;

/// Keeps the caller busy, here and now, for as long as the fault says.
#[inline(always)]
pub fn here(act: Act) {
    let slot = act.slot & (SLOTS - 1);
    let Some(calls) = CALLS.get(slot) else {
        return;
    };
    let begun_ns = now_ns();
    let end_ns = begun_ns + calls.spin_ns.min(MOST_SPIN_NS);
    for _time in 0..TIMES {
        if is_over(end_ns) != 0 {
            break;
        }
    }
    bed::count_since(slot, begun_ns);
}

/// 1 if it is that late when it returns. A function of its own with plain numbers: the verifier checks its
/// loop once, and old ones lose themselves in longer loops.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn is_over(end_ns: u64) -> u64 {
    for _look in 0..LOOKS {
        if now_ns() >= end_ns {
            return 1;
        }
    }
    0
}

#[inline(always)]
fn now_ns() -> u64 {
    // SAFETY: the helper has no arguments.
    unsafe { bpf_ktime_get_ns() }
}
