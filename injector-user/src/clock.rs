//! The clocks of the machine, as the kernel programs and the other processes of Temblor read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds since some fixed point before now, the same for every process and for the kernel's
/// `bpf_ktime_get_ns`; does not run while the machine is suspended.
pub fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::CLOCK_MONOTONIC)
}

/// Seconds since 1970, for people to read: it may jump.
pub fn wall_seconds() -> u64 {
    Duration::from_nanos(nanoseconds(ClockId::CLOCK_REALTIME)).as_secs()
}

/// Milliseconds since 1970, for people to read: it may jump.
pub fn unix_ms() -> u64 {
    unix_ns() / 1_000_000
}

/// Nanoseconds since 1970, as above.
pub fn unix_ns() -> u64 {
    nanoseconds(ClockId::CLOCK_REALTIME)
}

/// What the kernel stamps a file with that is made now: up to a tick behind the clock for people.
pub fn file_time() -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanoseconds(ClockId::CLOCK_REALTIME_COARSE))
}

fn nanoseconds(clock: ClockId) -> u64 {
    // These clocks exist on every Linux, and the result pointer is nix's own: it cannot fail.
    let time = clock_gettime(clock).map_or(Duration::ZERO, Duration::from);
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
