//! From the first instruction of a crew to its last.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

use injector_core::plan::Task;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

use super::super::order::{Told, hear};
use super::super::page::{Page, Word};
use super::life::Life;
use super::threads::errno;
use super::{cpu, disk, fill, memory};
use crate::sys::poll::wait_readable;

/// What it is called in `/proc/PID/comm`.
const NAME: &std::ffi::CStr = c"temblor-worker";

/// Does what it is told over its standard input.
pub fn run() -> ExitCode {
    let _unnamed = prctl::set_name(NAME);
    // A target that is stopped may take its time, which is ours, too: the engine sees when it has gone.
    let mut polite = SigSet::empty();
    polite.extend([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    let _delivered = polite.thread_block();
    // Beside the closed socket: a signal comes even to a thread that never looks.
    let _unheard = prctl::set_pdeathsig(Signal::SIGKILL);
    // Its sleeps are shorter than the kernel's usual sloppiness allows.
    let _sloppy = prctl::set_timerslack(1);
    let Ok(line) = io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let Some(told) = await_order(&line) else {
        return ExitCode::SUCCESS;
    };
    let Ok(page) = Page::of(told.page.as_fd()) else {
        return ExitCode::FAILURE;
    };
    let life = Life::new(line, page);
    if !life.await_beginning() {
        return ExitCode::SUCCESS;
    }
    match press(&life, told) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            life.page().set(Word::Trouble, errno(&error));
            ExitCode::FAILURE
        }
    }
}

/// None if there will be none: the engine has ended.
fn await_order(line: &OwnedFd) -> Option<Told> {
    wait_readable([line.as_fd()], LONG).ok()?;
    hear(line.as_fd())
}

/// Longer than an engine takes to tell who it has started.
const LONG: Duration = Duration::from_mins(1);

fn press(life: &Life, told: Told) -> io::Result<()> {
    let Told { task, folder, .. } = told;
    match (task, folder) {
        (Task::Cpu { workers, load }, _) => cpu::calculate(life, workers, load),
        (
            Task::Memory {
                bytes,
                reserve,
                ramp_ns,
                pattern,
                oom_score,
            },
            _,
        ) => {
            if let Some(score) = oom_score {
                std::fs::write("/proc/self/oom_score_adj", score.to_string())?;
            }
            memory::hold(life, memory::Hoard::new(bytes, reserve, ramp_ns, pattern));
            Ok(())
        }
        (Task::Fill { bytes, reserve, .. }, Some(folder)) => {
            fill::fill(life, &folder, bytes, reserve)
        }
        (task @ Task::Disk { .. }, Some(folder)) => disk::keep_busy(life, &folder, &task),
        (Task::Fill { .. } | Task::Disk { .. }, None) => Err(Errno::EBADF.into()),
    }
}
