//! The moment of an event: clock, kill switch and lease, read once.

use aya_ebpf::helpers::generated::{bpf_ktime_get_coarse_ns, bpf_ktime_get_ns};
use injector_abi::{CONTROL_KILL, CONTROL_LEASE};

use crate::maps::CONTROL;

/// What an event brings to the decision.
#[derive(Clone, Copy, Debug)]
pub struct Occasion {
    /// Monotonic nanoseconds, where possible as of the last tick, milliseconds ago at most: exact enough
    /// for leases, at a tenth of the cost of the clock itself.
    pub now_ns: u64,
    /// The thread group, if the event happens in the context of one.
    pub tgid: Option<u32>,
    /// Whether the lease holds and the kill switch is off.
    pub alive: bool,
    /// How many packets the event stands for: 1 unless it is an aggregate that suffers as a whole.
    pub segments: u32,
}

impl Occasion {
    /// Reads clock, kill switch and lease: once per event, and only after a target matched.
    #[inline(always)]
    pub fn now(tgid: Option<u32>) -> Self {
        // SAFETY: the helper has no arguments and always succeeds (kernel 5.11).
        Self::at(unsafe { bpf_ktime_get_coarse_ns() }, tgid)
    }

    /// The same where programs may not ask for the time of the last tick: at functions of the kernel, and
    /// for options of sockets.
    #[inline(always)]
    pub fn exact(tgid: Option<u32>) -> Self {
        // SAFETY: the helper has no arguments and always succeeds.
        Self::at(unsafe { bpf_ktime_get_ns() }, tgid)
    }

    #[inline(always)]
    fn at(now_ns: u64, tgid: Option<u32>) -> Self {
        let killed = CONTROL.get(CONTROL_KILL).is_none_or(|kill| *kill != 0);
        let leased = CONTROL
            .get(CONTROL_LEASE)
            .is_some_and(|until| now_ns < *until);
        Self {
            now_ns,
            tgid,
            alive: !killed && leased,
            segments: 1,
        }
    }

    /// All but the clock in one number, for a function of its own: of what is in nobody's context.
    #[inline(always)]
    #[must_use]
    pub fn packed(self) -> u64 {
        u64::from(self.alive) << 32 | u64::from(self.segments)
    }

    /// What was packed.
    #[inline(always)]
    #[must_use]
    pub fn unpacked(packed: u64, now_ns: u64) -> Self {
        Self {
            now_ns,
            tgid: None,
            alive: packed >> 32 != 0,
            segments: packed as u32,
        }
    }

    /// The same moment, of an aggregate.
    #[inline(always)]
    #[must_use]
    pub fn of_segments(self, segments: u32) -> Self {
        Self { segments, ..self }
    }
}
