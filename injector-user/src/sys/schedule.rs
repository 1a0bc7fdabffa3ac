//! Making a thread keep its time.
#![expect(unsafe_code, reason = "no crate wraps the scheduling calls")]

/// Asks for the lowest real-time priority and the finest timers for the calling thread. Without the
/// privilege it stays an ordinary thread: less exact, not wrong.
pub fn urgent() {
    let parameter = libc::sched_param { sched_priority: 1 };
    // SAFETY: the call reads `parameter`; 0 is the calling thread.
    let _refused = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameter) };
    // SAFETY: the call takes numbers.
    let _refused = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64) };
}
