//! Who may read from the terminal.
//!
//! A command runs in a process group of its own, so that it can be told to end as a whole. A shell
//! gives such a group the terminal, and so do we: else it would be stopped when it reads.

use std::fs::File;
use std::io::{IsTerminal as _, stdin};
use std::os::fd::AsFd as _;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// The terminal, lent to a command. Dropping it takes the terminal back.
#[derive(Debug)]
pub(super) struct Terminal {
    terminal: File,
}

impl Terminal {
    /// Gives the group `group` the terminal, if it was ours to give.
    pub(super) fn give_to(group: Pid) -> Option<Self> {
        let input = stdin();
        let ours = input.is_terminal() && tcgetpgrp(&input) == Ok(getpgrp());
        if !ours {
            return None;
        }
        let terminal = input.as_fd().try_clone_to_owned().ok()?.into();
        // The group may have ended already; then there is nothing to take back either.
        tcsetpgrp(&terminal, group).ok()?;
        Some(Self { terminal })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Whoever does this from the background is stopped, unless the signal is blocked.
        let mut blocked = SigSet::empty();
        blocked.add(Signal::SIGTTOU);
        let Ok(before) = blocked.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK) else {
            return;
        };
        let _terminal_gone = tcsetpgrp(&self.terminal, getpgrp());
        let _cannot_fail = before.thread_set_mask();
    }
}
