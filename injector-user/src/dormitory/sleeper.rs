//! Whether somebody who has been called in its sleep has to get up.

use std::fs;

/// Bits of signals: signal n is bit n-1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Signals {
    /// Sent, to the thread or to its process, and not blocked.
    pending: u64,
    /// Those that the process has a handler for.
    handled: u64,
}

const KILL: u64 = 1 << (libc::SIGKILL - 1);

/// Whether this thread has to go on at once: it is being killed, frozen or stopped, or it is gone. Signals
/// that it handles do not shorten its sleep, as they do not shorten any other wait for a disk.
pub(super) fn must_rise(thread: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{thread}/status"));
    status.map_or(true, |status| Signals::read(&status).call_up())
}

impl Signals {
    fn read(status: &str) -> Self {
        let set = |name: &str| {
            let mut lines = status.lines();
            let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            found.and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        };
        let of = |name| set(name).unwrap_or_default();
        Self {
            // SIGKILL cannot be blocked.
            pending: (of("SigPnd") | of("ShdPnd")) & !of("SigBlk"),
            handled: of("SigCgt"),
        }
    }

    /// Without a handled signal it is something else that calls: the freezer, or a stop.
    fn call_up(self) -> bool {
        self.pending & KILL != 0 || self.pending & self.handled == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Signals;

    #[track_caller]
    fn check(pending: &str, blocked: &str, handled: &str, rises: bool) {
        let status = format!(
            "Name:\ta\nSigPnd:\t{pending}\nShdPnd:\t0000000000000000\nSigBlk:\t{blocked}\n\
             SigIgn:\t0000000000000000\nSigCgt:\t{handled}\n"
        );
        assert_eq!(Signals::read(&status).call_up(), rises, "{status}");
    }

    #[test]
    fn who_is_killed_or_frozen_rises_and_who_handles_a_signal_sleeps_on() {
        let (none, kill) = ("0000000000000000", "0000000000000100");
        let usr1 = "0000000000000200";
        check(none, none, none, true);
        check(kill, none, none, true);
        check(usr1, none, usr1, false);
        check("0000000000000300", none, usr1, true);
        check(usr1, usr1, usr1, true);
        check("0000000000040000", none, usr1, true);
    }
}
